defmodule Bench.Repo.TenantMigrations.Table5 do
  use Ecto.Migration

  def up do
    create table(:table_5, primary_key: false, prefix: prefix()) do
      add :id, :uuid, null: false, default: fragment("gen_random_uuid()"), primary_key: true
      add :label, :text, null: false

      add :previous_id,
          references(:table_4,
            column: :id,
            name: "table_5_previous_id_fkey",
            type: :uuid,
            prefix: prefix()
          )

      add :owner_id,
          references(:owners,
            column: :id,
            name: "table_5_owner_id_fkey",
            type: :uuid,
            prefix: "public"
          )

      add :column_4, {:array, :text}
      add :column_5, :map
      add :column_6, :decimal
      add :column_7, :text
      add :column_8, :bigint
    end

    create unique_index(:table_5, [:label], name: "table_5_unique_label_index")

    create index(:table_5, [:label, :column_4])
  end
end
