defmodule Bench.Repo.TenantMigrations.Table3 do
  use Ecto.Migration

  def up do
    create table(:table_3, primary_key: false, prefix: prefix()) do
      add :id, :uuid, null: false, default: fragment("gen_random_uuid()"), primary_key: true
      add :label, :text, null: false

      add :previous_id,
          references(:table_2,
            column: :id,
            name: "table_3_previous_id_fkey",
            type: :uuid,
            prefix: prefix()
          )

      add :owner_id,
          references(:owners,
            column: :id,
            name: "table_3_owner_id_fkey",
            type: :uuid,
            prefix: "public"
          )

      add :column_4, {:array, :text}
      add :column_5, :map
      add :column_6, :decimal
      add :column_7, :text
      add :column_8, :bigint
    end

    create unique_index(:table_3, [:label], name: "table_3_unique_label_index")

    create index(:table_3, [:label, :column_4])
  end
end
