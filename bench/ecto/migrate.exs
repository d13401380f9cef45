# Ecto's migrator over the tenants of PGDATABASE, the schemas org_*; prints the
# milliseconds of a run and of a second one, which finds nothing to do.
#
#   elixir migrate.exs files|modules FOLDER
#
# "files" does what `mix ash_postgres.migrate --tenants --quiet` does: the repo
# started once, with a pool of two, and for each of its tenants, one after the
# other, what `mix ecto.migrate --prefix TENANT --migrations-path FOLDER` does,
# which compiles the files that are pending, for each tenant anew; what mix
# itself adds is left out. "modules" has them compiled before and asks
# Ecto.Migrator for nothing but to run them.
#
# Neither the start of the virtual machine nor loading the libraries counts.

[how, folder] = System.argv()
Logger.configure(level: :error)
{:ok, _} = Application.ensure_all_started(:ecto_sql)
{:ok, _} = Application.ensure_all_started(:postgrex)

# As mix leaves it for an application: protocols consolidated. And all modules
# loaded, so that the first tenant does not pay for it.
paths = :code.get_path()
Code.compiler_options(ignore_module_conflict: true)

for protocol <- Protocol.extract_protocols(paths) do
  {:ok, binary} = Protocol.consolidate(protocol, Protocol.extract_impls(protocol, paths))
  :code.purge(protocol)
  {:module, ^protocol} = :code.load_binary(protocol, ~c"consolidated", binary)
end

for app <- [:ecto, :ecto_sql, :postgrex, :db_connection, :telemetry, :decimal] do
  {:ok, modules} = :application.get_key(app, :modules)
  Enum.each(modules, &Code.ensure_loaded/1)
end

Application.put_env(:bench, Bench.Repo,
  socket_dir: System.fetch_env!("PGHOST"),
  port: String.to_integer(System.fetch_env!("PGPORT")),
  username: System.fetch_env!("PGUSER"),
  database: System.fetch_env!("PGDATABASE")
)

defmodule Bench.Repo do
  use Ecto.Repo, otp_app: :bench, adapter: Ecto.Adapters.Postgres

  def all_tenants do
    query!("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'org\\_%' ORDER BY 1").rows
    |> List.flatten()
  end
end

defmodule Bench do
  @quiet [log: false, log_migrations_sql: false, log_migrator_sql: false]

  def migrate("files", folder) do
    for tenant <- Bench.Repo.all_tenants() do
      {:ok, _, _} =
        Ecto.Migrator.with_repo(Bench.Repo, &run(&1, [folder], tenant), mode: :temporary)
    end
  end

  def migrate("modules", migrations) do
    for tenant <- Bench.Repo.all_tenants(), do: run(Bench.Repo, migrations, tenant)
  end

  defp run(repo, source, tenant) do
    Ecto.Migrator.run(repo, source, :up, [all: true, prefix: tenant] ++ @quiet)
  end

  def compile(folder) do
    for file <- Path.wildcard(Path.join(folder, "*.exs")) do
      [{module, _}] = Code.compile_file(file)
      {version, _} = file |> Path.basename() |> Integer.parse()
      {version, module}
    end
  end

  def milliseconds(work) do
    {microseconds, _} = :timer.tc(work)
    div(microseconds, 1000)
  end
end

source = if how == "modules", do: Bench.compile(folder), else: folder

{:ok, [first, second], _} =
  Ecto.Migrator.with_repo(Bench.Repo, fn _ ->
    for _ <- 1..2, do: Bench.milliseconds(fn -> Bench.migrate(how, source) end)
  end)

IO.puts("#{first} #{second}")
