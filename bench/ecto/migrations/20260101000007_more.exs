defmodule Bench.Repo.TenantMigrations.More do
  use Ecto.Migration

  def up do
    alter table(:table_1, prefix: prefix()) do
      add :more, :bigint, null: false, default: 0
    end

    create index(:table_1, [:more])

    alter table(:table_2, prefix: prefix()) do
      add :more, :bigint, null: false, default: 0
    end

    create index(:table_2, [:more])

    alter table(:table_3, prefix: prefix()) do
      add :more, :bigint, null: false, default: 0
    end

    create index(:table_3, [:more])

    alter table(:table_4, prefix: prefix()) do
      add :more, :bigint, null: false, default: 0
    end

    create index(:table_4, [:more])

    alter table(:table_5, prefix: prefix()) do
      add :more, :bigint, null: false, default: 0
    end

    create index(:table_5, [:more])
  end
end
