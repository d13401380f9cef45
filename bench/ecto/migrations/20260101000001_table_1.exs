defmodule Bench.Repo.TenantMigrations.Table1 do
  use Ecto.Migration

  def up do
    create table(:table_1, primary_key: false, prefix: prefix()) do
      add :id, :uuid, null: false, default: fragment("gen_random_uuid()"), primary_key: true
      add :label, :text, null: false

      add :owner_id,
          references(:owners,
            column: :id,
            name: "table_1_owner_id_fkey",
            type: :uuid,
            prefix: "public"
          )

      add :column_4, {:array, :text}
      add :column_5, :map
      add :column_6, :decimal
      add :column_7, :text
      add :column_8, :bigint
    end

    create unique_index(:table_1, [:label], name: "table_1_unique_label_index")

    create index(:table_1, [:label, :column_4])
  end
end
