defmodule Bench.Repo.TenantMigrations.Added do
  use Ecto.Migration

  def up do
    alter table(:table_1, prefix: prefix()) do
      add :added, :bigint, null: false, default: 0
    end

    create index(:table_1, [:added])

    alter table(:table_2, prefix: prefix()) do
      add :added, :bigint, null: false, default: 0
    end

    create index(:table_2, [:added])

    alter table(:table_3, prefix: prefix()) do
      add :added, :bigint, null: false, default: 0
    end

    create index(:table_3, [:added])

    alter table(:table_4, prefix: prefix()) do
      add :added, :bigint, null: false, default: 0
    end

    create index(:table_4, [:added])

    alter table(:table_5, prefix: prefix()) do
      add :added, :bigint, null: false, default: 0
    end

    create index(:table_5, [:added])
  end
end
