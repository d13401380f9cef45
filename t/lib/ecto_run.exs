# Ecto's migrator over the migrations of a repo: those of the public schema,
# then those of one tenant; the other way round to roll them back. Prints how
# many ran.
#
#   elixir ecto_run.exs FOLDER up|down TENANT
[folder, direction, tenant] = System.argv()
direction = String.to_existing_atom(direction)
Logger.configure(level: :error)

for app <- [:telemetry, :decimal, :db_connection, :postgrex, :ecto, :ecto_sql] do
  {:ok, _} = Application.ensure_all_started(app)
end

defmodule App.Repo do
  use Ecto.Repo, otp_app: :app, adapter: Ecto.Adapters.Postgres
end

Application.put_env(:app, App.Repo,
  socket_dir: System.fetch_env!("PGHOST"),
  port: String.to_integer(System.fetch_env!("PGPORT")),
  username: System.fetch_env!("PGUSER"),
  database: System.fetch_env!("PGDATABASE")
)

steps = [{"migrations", []}, {"tenant_migrations", [prefix: tenant]}]
steps = if direction == :up, do: steps, else: Enum.reverse(steps)

{:ok, ran, _} =
  Ecto.Migrator.with_repo(App.Repo, fn repo ->
    for {name, options} <- steps do
      path = Path.join(folder, name)
      length(Ecto.Migrator.run(repo, path, direction, [all: true, log: false] ++ options))
    end
  end)

IO.write(Enum.sum(ran))
