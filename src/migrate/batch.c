/*
 * batch.c
 *		Statements that change many rows, batch by batch: see batch.h.
 */
#include "postgres.h"

#include "access/relation.h"
#include "catalog/namespace.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "pgstat.h"
#include "storage/bufmgr.h"
#include "storage/latch.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "base/attempt.h"
#include "base/compat.h"
#include "base/elapsed.h"
#include "base/errors.h"
#include "base/settings.h"
#include "base/transaction.h"
#include "metadata/catalog_partial.h"
#include "migrate/batch.h"
#include "syntax/batch_statement.h"

/* Blocks of the first batch, when nothing is known of the rows, and of the largest */
#define FIRST_BLOCKS	16
#define MOST_BLOCKS		(1024 * 1024)

/* A batch becomes at most so much larger or smaller than the one before. */
#define GROWTH			2
#define SHRINKAGE		4

/* A pass that finds fewer rows than this is followed by the statement as a whole. */
#define FEW_ROWS		1000

/* A statement that is being run */
typedef struct Batch
{
	const RunOptions *options;
	const Migration *migration;
	const char *sql;
	const char *default_schema;
	const ExecutePlace *place;
	PartialBatch progress;		/* as it was committed last */
	uint64		first_pass;		/* rows of the first pass; 0: not over, or in
								 * an earlier run */
	uint64		pass;			/* rows of this one so far */
	BlockNumber size;			/* blocks of the next batch */
	/* one batch */
	ExecuteEnvironment environment;
	const BlockRange *range;	/* NULL: the statement as it is */
	uint64		rows;
} Batch;

/* The statement's tree, in the current memory context */
static Node *
parse_batch(const char *sql)
{
	List	   *statements = execute_parse(sql);
	Node	   *statement = list_length(statements) == 1 ? linitial_node(RawStmt, statements)->stmt : NULL;
	const char *fault = statement ? batch_statement_fault(statement) : "It is not a single statement.";

	if (fault)
		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_UNSUPPORTED),
				 errmsg("statement cannot be run in batches: %s", sql),
				 errdetail("%s", fault)));
	return statement;
}

/* ----------
 * One batch
 * ----------
 */
static void
enter(Batch *batch)
{
	transaction_begin();
	batch->environment = execute_enter(batch->options->lock_timeout, true);
	execute_go_into(&batch->environment, batch->migration->scope, batch->place->schema,
					batch->default_schema);
}

static void
leave(Batch *batch)
{
	execute_leave(&batch->environment);
	transaction_commit();
}

/* The blocks of the table to go through; 0: there is none, or no plain one */
static BlockNumber
count_blocks(Batch *batch)
{
	RangeVar   *name = batch_statement_table(parse_batch(batch->sql));
	Oid			table;
	Relation	rel;
	BlockNumber blocks = 0;

	if (name == NULL)
		return 0;
	enter(batch);
	table = RangeVarGetRelid(name, NoLock, true);
	rel = OidIsValid(table) ? try_relation_open(table, AccessShareLock) : NULL;
	if (rel && rel->rd_rel->relkind == RELKIND_RELATION && !rel->rd_rel->relhassubclass)
		blocks = RelationGetNumberOfBlocks(rel);
	if (rel)
		relation_close(rel, AccessShareLock);
	leave(batch);
	return blocks;
}

static void
execute(void *arg)
{
	Batch	   *batch = arg;
	ExecuteMigration entered = execute_enter_migration();

	batch->rows = execute_blocks(&batch->environment, batch->sql, batch->place, batch->range);
	execute_leave_migration(&entered);
}

/*
 * Run one batch and commit it, together with the progress that it makes.  The
 * error, if a lock could not be acquired: then nothing is changed.
 */
static ErrorData *
try_batch(Batch *batch, const BlockRange *range)
{
	PartialBatch progress = batch->progress;
	ErrorData  *error;

	batch->range = range;
	enter(batch);
	error = attempt_any(execute, batch, true);
	if (error && error->sqlerrcode != ERRCODE_LOCK_NOT_AVAILABLE &&
		error->sqlerrcode != ERRCODE_T_R_DEADLOCK_DETECTED)
		ReThrowError(error);
	if (error == NULL)
	{
		progress.rows += batch->rows;
		if (range)
			progress.block = range->to;
		catalog_partial_write_batch(batch->migration, batch->place->schema, batch->place->down,
									batch->place->statement - 1, &progress);
	}
	leave(batch);
	if (error == NULL)
		batch->progress = progress;
	return error;
}

/* The next batch takes about as long as one is meant to. */
static void
adapt_size(Batch *batch, int64 elapsed)
{
	double		factor = ashmig_batch_time * 1000.0 / Max(elapsed, 1);

	factor = Max(Min(factor, GROWTH), 1.0 / SHRINKAGE);
	batch->size = Max(Min(batch->size * factor, MOST_BLOCKS), 1);
}

static void
rest(int64 elapsed)
{
	(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
					 (long) (elapsed / 1000 * ashmig_batch_pause), PG_WAIT_EXTENSION);
	ResetLatch(MyLatch);
	CHECK_FOR_INTERRUPTS();
}

/* Wait as long as others need it. */
static void
await_turn(const Batch *batch)
{
	if (batch->options->pause)
		batch->options->pause->wait(batch->options->pause);
}

/*
 * Run one batch, again and smaller where locks are in the way.  A batch that
 * waits for a row holds those that it has changed already.
 */
static uint64
run_batch(Batch *batch, BlockRange *range)
{
	for (int tries = 1;; tries++)
	{
		instr_time	start;
		ErrorData  *error;
		int64		elapsed;

		await_turn(batch);
		start = elapsed_start();
		if (range)
			range->to = Min(range->from + batch->size, batch->progress.blocks);
		error = try_batch(batch, range);
		elapsed = elapsed_since(start);
		if (error == NULL)
			adapt_size(batch, elapsed);
		else if (tries > batch->options->lock_retries)
			ReThrowError(error);
		else
			batch->size = Max(batch->size / SHRINKAGE, 1);
		rest(elapsed);
		if (error == NULL)
			return batch->rows;
	}
}

/* ----------
 * All batches
 * ----------
 */

/* Where a pass finds as much as the first one, the statement does not leave out what is done. */
static void
check_end(const Batch *batch)
{
	if (batch->first_pass > 0 && batch->pass >= batch->first_pass)
		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_UNSUPPORTED),
				 errmsg("batches do not come to an end: the second pass changed " UINT64_FORMAT " rows, the first " UINT64_FORMAT,
						batch->pass, batch->first_pass),
				 errdetail("The statement is: %s", batch->sql),
				 errhint("Add a condition to its WHERE that no row satisfies any more once it is changed.")));
}

/* Go through the blocks, in as many passes as it takes. */
static void
run_passes(Batch *batch, MemoryContext context)
{
	bool		resumed = batch->progress.block > 0;

	if (!resumed)
		batch->progress.blocks = count_blocks(batch);
	while (batch->progress.blocks > 0)
	{
		batch->pass = 0;
		while (batch->progress.block < batch->progress.blocks)
		{
			BlockRange	range = {batch->progress.block, 0};

			batch->pass += run_batch(batch, &range);
			MemoryContextReset(context);
		}
		if (!resumed && batch->pass < FEW_ROWS)
			break;
		check_end(batch);
		if (!resumed)
			batch->first_pass = Max(batch->first_pass, batch->pass);
		resumed = false;
		batch->progress.block = 0;
		batch->progress.blocks = count_blocks(batch);
	}
}

void
batch_run(const RunOptions *options, const Migration *migration, const char *sql,
		  const char *default_schema, const ExecutePlace *place)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "ashmig batch",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	Batch		batch = {.options = options, .migration = migration, .sql = sql,
	.default_schema = default_schema, .place = place, .size = FIRST_BLOCKS};
	bool		repeats = batch_statement_table(parse_batch(sql)) == NULL;

	transaction_begin();
	batch.progress = catalog_partial_read_batch(migration, place->schema, place->down);
	transaction_commit();

	if (!repeats)
		run_passes(&batch, context);
	while (run_batch(&batch, NULL) > 0 && repeats)
		MemoryContextReset(context);

	transaction_begin();
	catalog_partial_write(migration, place->schema, place->down, place->statement, false);
	transaction_commit();
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}

void
batch_run_inside(const ExecuteEnvironment *environment, const char *sql, const ExecutePlace *place)
{
	bool		repeats = batch_statement_table(parse_batch(sql)) == NULL;

	while (execute_blocks(environment, sql, place, NULL) > 0 && repeats)
		CHECK_FOR_INTERRUPTS();
}
