/*
 * hazard.c
 *		What a statement does to the tables of a database in use: see hazard.h.
 *
 * The table of rules comes first, then what reads a parse tree and applies
 * them.  sql/hazards.sql holds the rules against what PostgreSQL really does:
 * the locks of pg_locks, the files and the scans of each statement.
 */
#include "postgres.h"

#include "commands/defrem.h"
#include "commands/tablecmds.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "nodes/parsenodes.h"

#include "base/compat.h"
#include "base/names.h"
#include "syntax/directive.h"
#include "syntax/fragment.h"
#include "syntax/hazard.h"
#include "syntax/sql_text.h"
#include "syntax/statement.h"

/* ----------
 * The rules
 * ----------
 */
typedef enum HazardRule
{
	/* ALTER TABLE */
	RULE_ALTER_TABLE,
	RULE_ADD_COLUMN,
	RULE_ADD_FILLED_COLUMN,
	RULE_ADD_REQUIRED_COLUMN,
	RULE_DROP_COLUMN,
	RULE_DROP_CONSTRAINT,
	RULE_RETYPE_COLUMN,
	RULE_REWRITE_COLUMN,
	RULE_CONVERT_WRITES,
	RULE_SET_NOT_NULL,
	RULE_SET_PROVEN_NOT_NULL,
	RULE_ADD_PROOF,
	RULE_VALIDATE_PROOF,
	RULE_ADD_CHECK,
	RULE_ADD_FOREIGN_KEY,
	RULE_ADD_NOT_VALID,
	RULE_ADD_KEY,
	RULE_ADD_KEY_OF_INDEX,
	RULE_VALIDATE,
	RULE_REWRITE_TABLE,
	/* names */
	RULE_RENAME_TABLE,
	RULE_RENAME_COLUMN,
	RULE_RENAME_CONSTRAINT,
	RULE_RENAME_INDEX,
	RULE_RENAME_OTHER,
	RULE_MOVE_TABLE,
	/* what goes */
	RULE_DROP_TABLE,
	RULE_DROP_SCHEMA,
	RULE_DROP_INDEX,
	RULE_DROP_INDEX_CONCURRENTLY,
	RULE_DROP_OTHER,
	RULE_DROP_PART,
	RULE_TRUNCATE,
	RULE_CASCADE,
	/* indexes */
	RULE_CREATE_INDEX,
	RULE_CREATE_UNIQUE_INDEX,
	RULE_CREATE_INDEX_CONCURRENTLY,
	RULE_CREATE_UNIQUE_INDEX_CONCURRENTLY,
	RULE_REINDEX,
	RULE_REINDEX_CONCURRENTLY,
	/* other parts of a table */
	RULE_CREATE_TRIGGER,
	RULE_POLICY,
	RULE_COMMENT,
	/* the rows */
	RULE_INSERT,
	RULE_UPDATE,
	RULE_UPDATE_BATCH,
	RULE_DELETE,
	RULE_DELETE_BATCH,
	RULE_VACUUM,
	RULE_VACUUM_FULL,
	RULE_CUSTOM
} HazardRule;

/* The lock is the one that AlterTableGetLockLevel() says */
#define LOCK_OF_ALTER_TABLE (-1)

typedef struct HazardFact
{
	LOCKMODE	lock;			/* on the table */
	bool		rewrites;
	bool		scans;
	HazardSet	kinds;			/* besides those that follow from the other
								 * fields: see judge() */
	const char *notice;
	const char *safer;
} HazardFact;

#define BIT(kind) HAZARD_BIT(HAZARD_##kind)

#define SAFER_BATCHES \
	"add the column without the default, set the default, and fill the rows in batches (batch => ...)"
#define SAFER_CONCURRENTLY \
	"concurrent_indexes => true, or CREATE INDEX CONCURRENTLY, builds it while others write"
#define SAFER_LATER \
	"add it NOT VALID, and VALIDATE CONSTRAINT in a later migration"

/*
 * What PostgreSQL 14 to 18 do.  The comments name the rule of the server; one
 * that not all of these versions have says which.
 */
static const HazardFact facts[] = {

	/*
	 * tablecmds.c, AlterTableGetLockLevel(), the same from 14 to 18: it is
	 * called with the statement's own commands
	 */
	[RULE_ALTER_TABLE] = {LOCK_OF_ALTER_TABLE, false, false, 0, NULL, NULL},

	/*
	 * ATExecAddColumn(): a default that is not volatile is evaluated once and
	 * kept in pg_attribute.attmissingval
	 */
	[RULE_ADD_COLUMN] = {LOCK_OF_ALTER_TABLE, false, false, 0, NULL, NULL},

	/*
	 * ATExecAddColumn(), AT_REWRITE_DEFAULT_VAL: a volatile default, a
	 * sequence (nextval() is volatile), a stored generated column; since 18
	 * one can be virtual, and is not stored
	 */
	[RULE_ADD_FILLED_COLUMN] = {LOCK_OF_ALTER_TABLE, true, true, 0, NULL, SAFER_BATCHES},

	/* ATExecAddColumn(), verify_new_notnull: NOT NULL without a value */
	[RULE_ADD_REQUIRED_COLUMN] = {LOCK_OF_ALTER_TABLE, false, true, BIT(NOT_NULL),
		"fails if the table has rows: NOT NULL without a default; inserts by code that does not know the column fail",
	"add it with a default, or without NOT NULL first"},

	/* ATExecDropColumn(): the values stay on disk, out of reach */
	[RULE_DROP_COLUMN] = {LOCK_OF_ALTER_TABLE, false, false, BIT(DROP) | BIT(DATA_LOSS),
		"running code that uses the column fails",
	"deploy code that does not use it first; without drop_columns the column stays until ashmig_drop_retired()"},

	/* ATExecDropConstraint(): the triggers of the referenced table go as well */
	[RULE_DROP_CONSTRAINT] = {LOCK_OF_ALTER_TABLE, false, false, 0,
	"of a foreign key: locks the referenced table in the same way", NULL},

	/*
	 * ATColumnChangeRequiresRewrite(): old values that are valid as they are,
	 * as for a wider text type, stay
	 */
	[RULE_RETYPE_COLUMN] = {LOCK_OF_ALTER_TABLE, false, false, BIT(TYPE),
		"running code gets and sends the other type; prepared statements that return the column fail once",
	NULL},

	/* the same, for all other types: heap and indexes are written anew */
	[RULE_REWRITE_COLUMN] = {LOCK_OF_ALTER_TABLE, true, true, BIT(TYPE),
		"running code gets and sends the other type; prepared statements that return the column fail once",
	"add a column of the new type, write both, fill it in batches (batch => ...), and let code change over"},

	/*
	 * the trigger of the online form (plan/online_type.h), which converts
	 * what is written
	 */
	[RULE_CONVERT_WRITES] = {ShareRowExclusiveLock, false, false, BIT(TYPE),
	"writes of a value that cannot be converted fail", NULL},

	/*
	 * ATExecSetNotNull(): reads the table, unless a valid CHECK (c IS NOT
	 * NULL) proves it (NotNullImpliedByRelConstraints())
	 */
	[RULE_SET_NOT_NULL] = {LOCK_OF_ALTER_TABLE, false, true, BIT(NOT_NULL),
		"fails if a row contains NULL; writes that leave the column NULL fail",
	"add CHECK (column IS NOT NULL) NOT VALID and validate it before: then no row is read"},

	/* the same, proved by a check that the statements before have added */
	[RULE_SET_PROVEN_NOT_NULL] = {LOCK_OF_ALTER_TABLE, false, false, BIT(NOT_NULL),
	"writes that leave the column NULL fail", NULL},

	/*
	 * the check itself, in an online form: it is the NOT NULL to be, and
	 * nobody else's constraint
	 */
	[RULE_ADD_PROOF] = {LOCK_OF_ALTER_TABLE, false, false, BIT(NOT_NULL),
	"writes that leave the column NULL fail", NULL},
	[RULE_VALIDATE_PROOF] = {LOCK_OF_ALTER_TABLE, false, true, BIT(NOT_NULL),
	"fails if a row contains NULL", NULL},

	/* ATAddCheckConstraint(), since 18 ATAddCheckNNConstraint(): phase 3 */
	[RULE_ADD_CHECK] = {LOCK_OF_ALTER_TABLE, false, true, BIT(CONSTRAINT),
	"fails if a row breaks it; writes that break it fail", SAFER_LATER},

	/*
	 * ATAddForeignKeyConstraint(): locks the referenced table as CREATE
	 * TRIGGER does; validateForeignKeyConstraint() reads both
	 */
	[RULE_ADD_FOREIGN_KEY] = {LOCK_OF_ALTER_TABLE, false, true, BIT(CONSTRAINT),
	"fails if a row breaks it; writes that break it fail", SAFER_LATER},

	/* the same two, with skip_validation: only new rows are checked */
	[RULE_ADD_NOT_VALID] = {LOCK_OF_ALTER_TABLE, false, false, BIT(CONSTRAINT),
	"writes that break it fail", NULL},

	/* ATExecAddIndex(): builds the index under the lock of ALTER TABLE */
	[RULE_ADD_KEY] = {LOCK_OF_ALTER_TABLE, false, true, BIT(CONSTRAINT),
		"fails if rows are equal in it; writes that break it fail",
	"CREATE UNIQUE INDEX CONCURRENTLY, and then ADD CONSTRAINT ... USING INDEX"},

	/* ATExecAddIndexConstraint() */
	[RULE_ADD_KEY_OF_INDEX] = {LOCK_OF_ALTER_TABLE, false, false, BIT(CONSTRAINT), NULL, NULL},

	/* ATExecValidateConstraint(): ROW SHARE on a referenced table as well */
	[RULE_VALIDATE] = {LOCK_OF_ALTER_TABLE, false, true, BIT(CONSTRAINT),
	"fails if a row breaks it", NULL},

	/*
	 * ATExecSetTableSpace(), ATPrepSetAccessMethod() (15),
	 * ATPrepChangePersistence(), ATExecSetExpression() (17)
	 */
	[RULE_REWRITE_TABLE] = {LOCK_OF_ALTER_TABLE, true, true, 0, NULL, NULL},

	/* RenameRelation() */
	[RULE_RENAME_TABLE] = {AccessExclusiveLock, false, false, BIT(RENAME),
		"running code that uses the old name fails",
	"leave a view of the old name behind until no code uses it"},

	/* renameatt() */
	[RULE_RENAME_COLUMN] = {AccessExclusiveLock, false, false, BIT(RENAME),
		"running code that uses the old name fails",
	"add the new column, write both, and drop the old one when no code uses it"},

	/* RenameConstraint() */
	[RULE_RENAME_CONSTRAINT] = {AccessExclusiveLock, false, false, 0, NULL, NULL},

	/* RenameRelation(): of the index alone */
	[RULE_RENAME_INDEX] = {ShareUpdateExclusiveLock, false, false, 0, NULL, NULL},

	/* types, functions, views, schemas: nothing of a table is locked */
	[RULE_RENAME_OTHER] = {NoLock, false, false, BIT(RENAME),
	"running code that uses the old name fails", NULL},

	/* AlterTableNamespace() */
	[RULE_MOVE_TABLE] = {AccessExclusiveLock, false, false, BIT(RENAME),
		"running code that expects it in the old schema fails",
	"leave a view of the old name behind until no code uses it"},

	/* RemoveRelations() */
	[RULE_DROP_TABLE] = {AccessExclusiveLock, false, false, BIT(DROP) | BIT(DATA_LOSS),
		"running code that uses the table fails",
	"deploy code that does not use it first"},

	/* doDeletion(): all that is in it */
	[RULE_DROP_SCHEMA] = {NoLock, false, false, BIT(DROP) | BIT(DATA_LOSS),
		"running code that uses what is in it fails",
	"deploy code that does not use it first"},

	/* RangeVarCallbackForDropRelation(): the index and its table */
	[RULE_DROP_INDEX] = {AccessExclusiveLock, false, false, 0, NULL,
	"DROP INDEX CONCURRENTLY waits without keeping others waiting"},
	[RULE_DROP_INDEX_CONCURRENTLY] = {ShareUpdateExclusiveLock, false, false, 0, NULL, NULL},

	/* what is no table: views, types, functions */
	[RULE_DROP_OTHER] = {NoLock, false, false, BIT(DROP),
		"running code that uses it fails",
	"deploy code that does not use it first"},

	/* get_object_address(): triggers, policies, rules, with their table */
	[RULE_DROP_PART] = {AccessExclusiveLock, false, false, 0, NULL, NULL},

	/* ExecuteTruncate() */
	[RULE_TRUNCATE] = {AccessExclusiveLock, false, false, BIT(DATA_LOSS),
	"the rows are gone", "delete in batches"},

	/* findDependentObjects() */
	[RULE_CASCADE] = {NoLock, false, false, BIT(CUSTOM),
		"CASCADE locks and drops what depends on it as well",
	"drop what depends on it first, by name"},

	/* DefineIndex() */
	[RULE_CREATE_INDEX] = {ShareLock, false, true, 0, NULL, SAFER_CONCURRENTLY},
	[RULE_CREATE_UNIQUE_INDEX] = {ShareLock, false, true, BIT(CONSTRAINT),
		"fails if rows are equal in it; writes that break it fail",
	SAFER_CONCURRENTLY},
	[RULE_CREATE_INDEX_CONCURRENTLY] = {ShareUpdateExclusiveLock, false, true, 0, NULL, NULL},
	[RULE_CREATE_UNIQUE_INDEX_CONCURRENTLY] = {ShareUpdateExclusiveLock, false, true, BIT(CONSTRAINT),
	"fails if rows are equal in it; writes that break it fail", NULL},

	/* RangeVarCallbackForReindexIndex(), reindex_index() */
	[RULE_REINDEX] = {ShareLock, false, true, 0,
	"reads that would use the index wait", "REINDEX CONCURRENTLY"},
	[RULE_REINDEX_CONCURRENTLY] = {ShareUpdateExclusiveLock, false, true, 0, NULL, NULL},

	/* CreateTrigger() */
	[RULE_CREATE_TRIGGER] = {ShareRowExclusiveLock, false, false, 0, NULL, NULL},

	/* CreatePolicy(), DefineQueryRewrite() */
	[RULE_POLICY] = {AccessExclusiveLock, false, false, 0, NULL, NULL},

	/* CommentObject(), CreateStatistics() */
	[RULE_COMMENT] = {ShareUpdateExclusiveLock, false, false, 0, NULL, NULL},

	/* setTargetTable() */
	[RULE_INSERT] = {RowExclusiveLock, false, false, 0, NULL, NULL},
	[RULE_UPDATE] = {RowExclusiveLock, false, true, BIT(DATA_CHANGE),
		"the rows stay locked until the migration's transaction ends",
	"batch => ... instead of up: a transaction for each batch"},
	[RULE_UPDATE_BATCH] = {RowExclusiveLock, false, true, BIT(DATA_CHANGE),
	"the rows of a batch stay locked until it is committed", NULL},
	[RULE_DELETE] = {RowExclusiveLock, false, true, BIT(DATA_LOSS),
		"the rows are gone",
	"batch => ... instead of up: a transaction for each batch"},
	[RULE_DELETE_BATCH] = {RowExclusiveLock, false, true, BIT(DATA_LOSS),
	"the rows are gone", NULL},

	/* vacuum_rel(); cluster_rel() */
	[RULE_VACUUM] = {ShareUpdateExclusiveLock, false, true, 0, NULL, NULL},
	[RULE_VACUUM_FULL] = {AccessExclusiveLock, true, true, 0, NULL,
	"VACUUM without FULL locks out nobody"},

	[RULE_CUSTOM] = {NoLock, false, false, BIT(CUSTOM),
	"the statement's SQL determines what it locks", NULL},
};

StaticAssertDecl(lengthof(facts) == RULE_CUSTOM + 1, "every rule is described");

static const char *const hazard_kind_names[] = {
	[HAZARD_REWRITE] = "rewrite",
	[HAZARD_SCAN] = "scan",
	[HAZARD_DATA_LOSS] = "data_loss",
	[HAZARD_DATA_CHANGE] = "data_change",
	[HAZARD_DROP] = "drop",
	[HAZARD_RENAME] = "rename",
	[HAZARD_TYPE] = "type",
	[HAZARD_NOT_NULL] = "not_null",
	[HAZARD_CONSTRAINT] = "constraint",
	[HAZARD_CUSTOM] = "custom"
};

StaticAssertDecl(lengthof(hazard_kind_names) == NUM_HAZARDS, "every kind of hazard has a word");

/* ----------
 * Applying a rule
 * ----------
 */

/* What is being read, and what it has come to */
typedef struct Reading
{
	HazardReader *reader;
	Hazards    *hazards;
	LOCKMODE	alter_lock;		/* of the ALTER TABLE that is read */
	bool		batches;		/* each batch is a transaction of its own */
	bool		online;			/* of an online form */
	bool		small;			/* others stand for it where the table is
								 * large: these lock and read */
	bool		large;			/* one of the others */
} Reading;

/* What stands for #{prefix()} while a statement is parsed */
#define PREFIX_NAME "ashmig_prefix"

static const char *
shown_schema(const char *schema)
{
	return schema && strcmp(schema, PREFIX_NAME) == 0 ? PLACEHOLDER_PREFIX : schema;
}

/*
 * "#{prefix()}" is one of the other two, depending on where the statement runs:
 * which one does not matter for a table that the same statements create.
 */
static bool
same_object(const TableLock *lock, const char *schema, const char *name)
{
	return strcmp(lock->name, name) == 0 && names_same(lock->schema, schema);
}

void
hazard_add_lock(Hazards *hazards, const char *schema, const char *name, LOCKMODE mode)
{
	TableLock  *lock;

	foreach_ptr(TableLock, known, hazards->locks)
	{
		if (same_object(known, schema, name))
		{
			known->mode = Max(known->mode, mode);
			return;
		}
	}
	lock = palloc(sizeof(TableLock));
	lock->schema = schema ? pstrdup(schema) : NULL;
	lock->name = pstrdup(name);
	lock->mode = mode;
	hazards->locks = lappend(hazards->locks, lock);
}

/* Add a text unless it is there. */
static List *
add_text(List *texts, const char *text)
{
	return text == NULL || names_have(texts, text) ? texts : lappend(texts, (char *) text);
}

void
hazard_add(Hazards *hazards, const Hazards *more)
{
	hazards->kinds |= more->kinds;
	hazards->rewrites |= more->rewrites;
	hazards->scans |= more->scans;
	foreach_ptr(const TableLock, lock, more->locks)
		hazard_add_lock(hazards, lock->schema, lock->name, lock->mode);
	foreach_ptr(const char, notice, more->notices)
		hazards->notices = add_text(hazards->notices, notice);
	foreach_ptr(const char, safer, more->safer)
		hazards->safer = add_text(hazards->safer, safer);
}

/* Has one of the statements before created the table? */
static bool
is_created(const Reading *reading, const RangeVar *table)
{
	foreach_ptr(const TableLock, created, reading->reader->created)
	{
		if (same_object(created, shown_schema(table->schemaname), table->relname))
			return true;
	}
	return false;
}

/* Lock a table, unless nobody can use it yet. */
static void
lock_table(Reading *reading, const RangeVar *table, LOCKMODE mode)
{
	if (mode != NoLock && !reading->small && !is_created(reading, table))
		hazard_add_lock(reading->hazards, shown_schema(table->schemaname), table->relname, mode);
}

/*
 * Is it what the form for a large table does to the successor of a column
 * (plan/online_type.h)?  To running code that is one change, of the type.
 * Whoever writes the directive before something else hides nothing by it.
 */
static bool
is_of_successor(HazardRule rule)
{
	switch (rule)
	{
		case RULE_DROP_COLUMN:
		case RULE_RENAME_COLUMN:
		case RULE_DROP_OTHER:
		case RULE_UPDATE_BATCH:
		case RULE_ADD_NOT_VALID:
		case RULE_ADD_PROOF:
		case RULE_VALIDATE:
		case RULE_VALIDATE_PROOF:
		case RULE_SET_PROVEN_NOT_NULL:
		case RULE_ADD_KEY_OF_INDEX:
		case RULE_CREATE_INDEX_CONCURRENTLY:
		case RULE_CREATE_UNIQUE_INDEX_CONCURRENTLY:
			return true;
		default:
			return false;
	}
}

/*
 * Apply a rule to a table, or to what is none (NULL).  Kinds that follow from
 * the lock and the reading: a rewrite, and a scan that keeps writers waiting.
 */
static void
apply(Reading *reading, HazardRule rule, const RangeVar *table)
{
	const HazardFact *fact = &facts[rule];
	Hazards    *hazards = reading->hazards;
	LOCKMODE	lock = fact->lock == LOCK_OF_ALTER_TABLE ? reading->alter_lock : fact->lock;
	bool		noticed = !reading->large || !is_of_successor(rule);

	if (table != NULL)
	{
		if (is_created(reading, table))
			return;
		lock_table(reading, table, lock);
	}
	if (noticed)
	{
		hazards->kinds |= fact->kinds;
		hazards->notices = add_text(hazards->notices, fact->notice);
	}
	if (noticed && !reading->small)
		hazards->safer = add_text(hazards->safer, fact->safer);
	if (reading->small)
		return;
	hazards->rewrites |= fact->rewrites;
	hazards->scans |= fact->scans;
	if (fact->rewrites)
		hazards->kinds |= BIT(REWRITE);
	else if (fact->scans && lock >= ShareLock)
		hazards->kinds |= BIT(SCAN);
}

/* The statement creates a table: nobody uses it until all of them have run. */
static void
create(Reading *reading, const RangeVar *table)
{
	MemoryContext old = MemoryContextSwitchTo(reading->reader->context);
	TableLock  *created = palloc(sizeof(TableLock));
	const char *schema = shown_schema(table->schemaname);

	created->schema = schema ? pstrdup(schema) : NULL;
	created->name = pstrdup(table->relname);
	created->mode = NoLock;
	reading->reader->created = lappend(reading->reader->created, created);
	MemoryContextSwitchTo(old);
}

/* The table that a qualified name of an object (a List of String) means */
static RangeVar *
table_of_names(const List *names)
{
	int			length = list_length(names);

	return makeRangeVar(length > 1 ? strVal(list_nth(names, length - 2)) : NULL,
						strVal(llast(names)), -1);
}

/* ----------
 * Columns and constraints
 * ----------
 */

/* Is it one of PostgreSQL's names for an integer with a sequence? */
static bool
is_serial(const TypeName *type)
{
	static const char *const serials[] = {
		"smallserial", "serial2", "serial", "serial4", "bigserial", "serial8"
	};

	if (type == NULL || list_length(type->names) != 1)
		return false;
	for (int i = 0; i < lengthof(serials); i++)
	{
		if (strcmp(strVal(linitial(type->names)), serials[i]) == 0)
			return true;
	}
	return false;
}

/* What a foreign key does to the table that it points to */
static void
read_referenced(Reading *reading, const Constraint *constraint)
{
	if (constraint->contype == CONSTR_FOREIGN && constraint->pktable != NULL)
		lock_table(reading, constraint->pktable, ShareRowExclusiveLock);
}

static HazardRule
constraint_rule(const Reading *reading, const Constraint *constraint)
{
	if (reading->online && constraint->skip_validation &&
		not_null_proof_column(constraint->raw_expr) != NULL)
		return RULE_ADD_PROOF;
	switch (constraint->contype)
	{
		case CONSTR_PRIMARY:
		case CONSTR_UNIQUE:
		case CONSTR_EXCLUSION:
			return constraint->indexname ? RULE_ADD_KEY_OF_INDEX : RULE_ADD_KEY;
		case CONSTR_FOREIGN:
			return constraint->skip_validation ? RULE_ADD_NOT_VALID : RULE_ADD_FOREIGN_KEY;
		case CONSTR_NOTNULL:	/* since 18 */
			return constraint->skip_validation ? RULE_ADD_NOT_VALID : RULE_SET_NOT_NULL;
		default:
			return constraint->skip_validation ? RULE_ADD_NOT_VALID : RULE_ADD_CHECK;
	}
}

/* What the constraints of a new column say about its values */
typedef struct NewColumn
{
	bool		not_null;
	bool		has_default;
	bool		filled;			/* a value of its own for each row */
} NewColumn;

static NewColumn
look_at_column(const ColumnDef *column)
{
	NewColumn	found = {column->is_not_null, false, is_serial(column->typeName)};

	foreach_node(Constraint, constraint, column->constraints)
	{
		switch (constraint->contype)
		{
			case CONSTR_NOTNULL:
			case CONSTR_PRIMARY:
				found.not_null = true;
				break;
			case CONSTR_DEFAULT:
				found.has_default = true;
				found.filled |= fragment_node_is_volatile(constraint->raw_expr);
				break;
			case CONSTR_IDENTITY:
				found.filled = true;
				break;
			case CONSTR_GENERATED:
				found.has_default = true;
				found.filled |= !generated_is_virtual(constraint);
				break;
			default:
				break;
		}
	}
	return found;
}

static void
read_new_column(Reading *reading, const RangeVar *table, const ColumnDef *column)
{
	NewColumn	found = look_at_column(column);

	apply(reading, RULE_ADD_COLUMN, table);
	if (found.filled)
		apply(reading, RULE_ADD_FILLED_COLUMN, table);
	else if (found.not_null && !found.has_default)
		apply(reading, RULE_ADD_REQUIRED_COLUMN, table);
	foreach_node(Constraint, constraint, column->constraints)
	{
		switch (constraint->contype)
		{
			case CONSTR_CHECK:
			case CONSTR_PRIMARY:
			case CONSTR_UNIQUE:
			case CONSTR_EXCLUSION:
				apply(reading, constraint_rule(reading, constraint), table);
				break;
			case CONSTR_FOREIGN:

				/*
				 * NULL breaks no foreign key, so without a default none is
				 * checked
				 */
				apply(reading, found.has_default || found.filled
					  ? RULE_ADD_FOREIGN_KEY : RULE_ADD_NOT_VALID, table);
				read_referenced(reading, constraint);
				break;
			default:
				break;
		}
	}
}

/* ----------
 * ALTER TABLE
 * ----------
 */
static void
read_alter_command(Reading *reading, const RangeVar *table, const AlterTableCmd *command)
{
	not_null_proof_read(&reading->reader->proofs, table, command);
	switch (command->subtype)
	{
		case AT_AddColumn:
			read_new_column(reading, table, castNode(ColumnDef, command->def));
			break;
		case AT_DropColumn:
			apply(reading, RULE_DROP_COLUMN, table);
			break;
		case AT_DropConstraint:
			apply(reading, reading->reader->knows_constraints ? RULE_ALTER_TABLE
				  : RULE_DROP_CONSTRAINT, table);
			break;
		case AT_AlterColumnType:
			apply(reading, reading->reader->retypes_in_place
				  ? RULE_RETYPE_COLUMN : RULE_REWRITE_COLUMN, table);
			break;
		case AT_SetNotNull:
			apply(reading, not_null_proof_has(&reading->reader->proofs, table, command->name)
				  ? RULE_SET_PROVEN_NOT_NULL : RULE_SET_NOT_NULL, table);
			break;
		case AT_AddConstraint:
			apply(reading, constraint_rule(reading, castNode(Constraint, command->def)), table);
			read_referenced(reading, castNode(Constraint, command->def));
			break;
		case AT_ValidateConstraint:
			apply(reading, reading->online &&
				  not_null_proof_known(&reading->reader->proofs, table, command->name)
				  ? RULE_VALIDATE_PROOF : RULE_VALIDATE, table);
			break;
		case AT_SetLogged:
		case AT_SetUnLogged:
		case AT_SetTableSpace:
			apply(reading, RULE_REWRITE_TABLE, table);
			break;
		case AT_AttachPartition:

			/*
			 * ATExecAttachPartition(): reads the new partition, unless a
			 * CHECK proves it
			 */
			apply(reading, RULE_ALTER_TABLE, table);
			lock_table(reading, ((PartitionCmd *) command->def)->name, AccessExclusiveLock);
			reading->hazards->scans = true;
			break;
		case AT_DetachPartition:
			apply(reading, RULE_ALTER_TABLE, table);
			lock_table(reading, ((PartitionCmd *) command->def)->name, reading->alter_lock);
			break;
		default:
			apply(reading, alter_is_new_rewrite(command->subtype) ? RULE_REWRITE_TABLE
				  : RULE_ALTER_TABLE, table);
			break;
	}
}

static void
read_alter_table(Reading *reading, const AlterTableStmt *statement)
{
	reading->alter_lock = AlterTableGetLockLevel(statement->cmds);
	foreach_node(AlterTableCmd, command, statement->cmds)
	{
		read_alter_command(reading, statement->relation, command);
		if (command->behavior == DROP_CASCADE)
			apply(reading, RULE_CASCADE, NULL);
	}
}

/* ----------
 * Names, and what goes
 * ----------
 */
static void
read_rename(Reading *reading, const RenameStmt *statement)
{
	switch (statement->renameType)
	{
		case OBJECT_TABLE:
		case OBJECT_FOREIGN_TABLE:
		case OBJECT_MATVIEW:
			apply(reading, RULE_RENAME_TABLE, statement->relation);
			break;
		case OBJECT_COLUMN:
			not_null_proof_rename(&reading->reader->proofs, statement->relation,
								  statement->subname, statement->newname);
			apply(reading, RULE_RENAME_COLUMN, statement->relation);
			break;
		case OBJECT_TABCONSTRAINT:
		case OBJECT_TRIGGER:
		case OBJECT_RULE:
		case OBJECT_POLICY:
			apply(reading, RULE_RENAME_CONSTRAINT, statement->relation);
			break;
		case OBJECT_INDEX:
			if (!reading->large)	/* locks the index, not its table */
				apply(reading, RULE_RENAME_INDEX, statement->relation);
			break;
		default:
			apply(reading, RULE_RENAME_OTHER, NULL);
			break;
	}
}

static void
read_move(Reading *reading, const AlterObjectSchemaStmt *statement)
{
	if (statement->relation != NULL)
		apply(reading, RULE_MOVE_TABLE, statement->relation);
	else
		apply(reading, RULE_RENAME_OTHER, NULL);
}

/* An index goes, with a lock on its table, whose name the caller may know */
static void
read_drop_index(Reading *reading, const List *names, bool concurrently)
{
	const TableLock *on = reading->reader->index_table;

	apply(reading, concurrently ? RULE_DROP_INDEX_CONCURRENTLY : RULE_DROP_INDEX,
		  on ? makeRangeVar(on->schema, on->name, -1) : table_of_names(names));
}

static void
read_drop(Reading *reading, const DropStmt *statement)
{
	ListCell   *lc;

	if (statement->behavior == DROP_CASCADE)
		apply(reading, RULE_CASCADE, NULL);
	foreach(lc, statement->objects)
	{
		switch (statement->removeType)
		{
			case OBJECT_TABLE:
			case OBJECT_FOREIGN_TABLE:
			case OBJECT_MATVIEW:
				apply(reading, RULE_DROP_TABLE, table_of_names(lfirst(lc)));
				break;
			case OBJECT_INDEX:
				read_drop_index(reading, lfirst(lc), statement->concurrent);
				break;
			case OBJECT_SCHEMA:
				apply(reading, RULE_DROP_SCHEMA, NULL);
				break;
			case OBJECT_TRIGGER:
			case OBJECT_POLICY:
			case OBJECT_RULE:
				/* the last name is the part's own */
				apply(reading, RULE_DROP_PART,
					  table_of_names(list_truncate(list_copy(lfirst(lc)),
												   list_length(lfirst(lc)) - 1)));
				break;
			default:
				apply(reading, RULE_DROP_OTHER, NULL);
				break;
		}
	}
}

/* ----------
 * Tables and indexes
 * ----------
 */

/* The keys of a new table, and those of its columns, lock what they point to */
static void
read_new_keys(Reading *reading, const List *elements)
{
	ListCell   *lc;

	foreach(lc, elements)
	{
		if (IsA(lfirst(lc), Constraint))
			read_referenced(reading, lfirst(lc));
		else if (IsA(lfirst(lc), ColumnDef))
			read_new_keys(reading, ((ColumnDef *) lfirst(lc))->constraints);
	}
}

static void
read_create_table(Reading *reading, const CreateStmt *statement)
{
	/* DefineRelation(): a partition takes more than one that inherits */
	foreach_node(RangeVar, parent, statement->inhRelations)
		lock_table(reading, parent, statement->partbound ? AccessExclusiveLock
				   : ShareUpdateExclusiveLock);
	read_new_keys(reading, statement->tableElts);
	create(reading, statement->relation);
}

static void
read_index(Reading *reading, const IndexStmt *statement)
{
	HazardRule	rule;

	if (statement->concurrent)
		rule = statement->unique ? RULE_CREATE_UNIQUE_INDEX_CONCURRENTLY
			: RULE_CREATE_INDEX_CONCURRENTLY;
	else
		rule = statement->unique ? RULE_CREATE_UNIQUE_INDEX : RULE_CREATE_INDEX;
	apply(reading, rule, statement->relation);
}

/* Is an option of that name among them, and not off? */
static bool
has_option(const List *options, const char *name)
{
	foreach_node(DefElem, option, (List *) options)
	{
		if (strcmp(option->defname, name) == 0)
			return defGetBoolean(option);
	}
	return false;
}

static void
read_reindex(Reading *reading, const ReindexStmt *statement)
{
	/* that of an index locks its table, which has another name */
	apply(reading, has_option(statement->params, "concurrently") ? RULE_REINDEX_CONCURRENTLY
		  : RULE_REINDEX, statement->relation);
}

static void
read_vacuum(Reading *reading, const VacuumStmt *statement)
{
	HazardRule	rule = has_option(statement->options, "full") ? RULE_VACUUM_FULL : RULE_VACUUM;

	if (statement->rels == NIL)
		apply(reading, rule, NULL);
	foreach_node(VacuumRelation, vacuumed, statement->rels)
		apply(reading, rule, vacuumed->relation);
}

static void
read_comment(Reading *reading, const CommentStmt *statement)
{
	if (statement->objtype == OBJECT_TABLE)
		apply(reading, RULE_COMMENT, table_of_names(castNode(List, statement->object)));
	else if (statement->objtype == OBJECT_COLUMN)
	{
		List	   *names = list_copy(castNode(List, statement->object));

		apply(reading, RULE_COMMENT,
			  table_of_names(list_truncate(names, list_length(names) - 1)));
	}
}

/* ----------
 * Rows
 * ----------
 */

/* Is a function called that PostgreSQL does not bring? */
static bool
calls_others(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, FuncCall) &&
		(list_length(((FuncCall *) node)->funcname) < 2 ||
		 strcmp(strVal(linitial(((FuncCall *) node)->funcname)), "pg_catalog") != 0) &&
		fragment_node_is_volatile(node))
		return true;
	return raw_expression_tree_walker(node, calls_others, context);
}

static void read_statement(Reading *reading, Node *statement);

/* Statements in WITH */
static void
read_with(Reading *reading, const WithClause *with)
{
	if (with == NULL)
		return;
	foreach_node(CommonTableExpr, common, with->ctes)
	{
		if (!IsA(common->ctequery, SelectStmt))
			read_statement(reading, common->ctequery);
	}
}

/* A SELECT stands in a migration for what its functions do. */
static void
read_select(Reading *reading, const SelectStmt *statement)
{
	read_with(reading, statement->withClause);
	if (calls_others((Node *) statement, NULL))
		apply(reading, RULE_CUSTOM, NULL);
	if (list_length(statement->fromClause) == 1 && IsA(linitial(statement->fromClause), RangeVar) &&
		!is_created(reading, linitial(statement->fromClause)))
		reading->hazards->scans = true;
}

/* ----------
 * Statements
 * ----------
 */

/* Statements on the rows of a table: false if it is none of them */
static bool
read_rows(Reading *reading, Node *statement)
{
	switch (nodeTag(statement))
	{
		case T_InsertStmt:
			read_with(reading, ((InsertStmt *) statement)->withClause);
			apply(reading, RULE_INSERT, ((InsertStmt *) statement)->relation);
			return true;
		case T_UpdateStmt:
			read_with(reading, ((UpdateStmt *) statement)->withClause);
			apply(reading, reading->batches ? RULE_UPDATE_BATCH : RULE_UPDATE,
				  ((UpdateStmt *) statement)->relation);
			return true;
		case T_DeleteStmt:
			read_with(reading, ((DeleteStmt *) statement)->withClause);
			apply(reading, reading->batches ? RULE_DELETE_BATCH : RULE_DELETE,
				  ((DeleteStmt *) statement)->relation);
			return true;
		case T_CopyStmt:
			if (((CopyStmt *) statement)->relation != NULL && ((CopyStmt *) statement)->is_from)
				apply(reading, RULE_INSERT, ((CopyStmt *) statement)->relation);
			return true;
		case T_TruncateStmt:
			foreach_node(RangeVar, table, ((TruncateStmt *) statement)->relations)
				apply(reading, RULE_TRUNCATE, table);
			if (((TruncateStmt *) statement)->behavior == DROP_CASCADE)
				apply(reading, RULE_CASCADE, NULL);
			return true;
		case T_SelectStmt:
			read_select(reading, (SelectStmt *) statement);
			return true;
		case T_LockStmt:
			foreach_node(RangeVar, table, ((LockStmt *) statement)->relations)
				lock_table(reading, table, ((LockStmt *) statement)->mode);
			return true;
		case T_VacuumStmt:
			read_vacuum(reading, (VacuumStmt *) statement);
			return true;
		case T_ClusterStmt:
			apply(reading, RULE_VACUUM_FULL, ((ClusterStmt *) statement)->relation);
			return true;
		default:
			if (merge_target(statement) == NULL)
				return false;
			apply(reading, RULE_UPDATE, merge_target(statement));
			return true;
	}
}

/* The end of an online form: several statements in one transaction */
static void
read_block(Reading *reading, const DoStmt *block)
{
	List	   *statements = reading->large ? statement_block(block) : NIL;

	if (statements == NIL)
		apply(reading, RULE_CUSTOM, NULL);
	foreach_node(RawStmt, raw, statements)
		read_statement(reading, raw->stmt);
}

/* Statements on parts of a table, and on what is none: false if it is none of them */
static bool
read_parts(Reading *reading, Node *statement)
{
	switch (nodeTag(statement))
	{
		case T_IndexStmt:
			read_index(reading, (IndexStmt *) statement);
			return true;
		case T_ReindexStmt:
			read_reindex(reading, (ReindexStmt *) statement);
			return true;
		case T_CreateTrigStmt:
			apply(reading, reading->large ? RULE_CONVERT_WRITES : RULE_CREATE_TRIGGER,
				  ((CreateTrigStmt *) statement)->relation);
			return true;
		case T_CreatePolicyStmt:
			apply(reading, RULE_POLICY, ((CreatePolicyStmt *) statement)->table);
			return true;
		case T_AlterPolicyStmt:
			apply(reading, RULE_POLICY, ((AlterPolicyStmt *) statement)->table);
			return true;
		case T_RuleStmt:
			apply(reading, RULE_POLICY, ((RuleStmt *) statement)->relation);
			return true;
		case T_CommentStmt:
			read_comment(reading, (CommentStmt *) statement);
			return true;
		case T_CreateStatsStmt:
			if (IsA(linitial(((CreateStatsStmt *) statement)->relations), RangeVar))
				apply(reading, RULE_COMMENT,
					  linitial(((CreateStatsStmt *) statement)->relations));
			return true;
		case T_DoStmt:
			read_block(reading, (DoStmt *) statement);
			return true;
		case T_CallStmt:
		case T_ExecuteStmt:
		case T_AlterDomainStmt: /* reads the tables that use the domain */
			apply(reading, RULE_CUSTOM, NULL);
			return true;
		default:
			return false;
	}
}

static void
read_statement(Reading *reading, Node *statement)
{
	switch (nodeTag(statement))
	{
		case T_AlterTableStmt:
			read_alter_table(reading, (AlterTableStmt *) statement);
			break;
		case T_RenameStmt:
			read_rename(reading, (RenameStmt *) statement);
			break;
		case T_AlterObjectSchemaStmt:
			read_move(reading, (AlterObjectSchemaStmt *) statement);
			break;
		case T_DropStmt:
			read_drop(reading, (DropStmt *) statement);
			break;
		case T_CreateStmt:
			read_create_table(reading, (CreateStmt *) statement);
			break;
		case T_CreateTableAsStmt:
			create(reading, ((CreateTableAsStmt *) statement)->into->rel);
			break;
		default:
			/* others (types, functions, sequences, rights) lock no table */
			(void) (read_rows(reading, statement) || read_parts(reading, statement));
			break;
	}
}

Hazards *
hazard_read(HazardReader *reader, const char *sql)
{
	static const SqlFilling filling = {
		.tenant = "\"" PLACEHOLDER_TENANT "\"",
		.default_schema = "\"" PLACEHOLDER_DEFAULT "\"",
		.prefix = PREFIX_NAME
	};
	Reading		reading = {
		.reader = reader, .hazards = palloc0(sizeof(Hazards)),
		.batches = directive_is_batch(sql), .online = directive_is_online(sql),
		.small = directive_is_small(sql), .large = directive_is_large(sql)
	};
	List	   *tree;

	if (!fragment_parse(sql_fill_with(sql, &filling), &tree))
	{
		apply(&reading, RULE_CUSTOM, NULL);
		return reading.hazards;
	}
	foreach_node(RawStmt, raw, tree)
		read_statement(&reading, raw->stmt);
	return reading.hazards;
}

/* ----------
 * As JSON
 * ----------
 */
void
hazard_write(JsonWriter *json, const Hazards *hazards)
{
	json_write_string(json, "lock", hazard_lock_name(hazard_strongest_lock(hazards)));
	hazard_write_locks(json, "locks", hazards);
	json_write_bool(json, "rewrites", hazards->rewrites);
	json_write_bool(json, "scans", hazards->scans);
	json_write_strings(json, "hazards", hazard_words(hazards->kinds));
	json_write_string(json, "notice", hazard_text(hazards->notices));
	json_write_string(json, "safer", hazard_text(hazards->safer));
}

void
hazard_write_locks(JsonWriter *json, const char *key, const Hazards *hazards)
{
	json_write_open(json, key, '{');
	foreach_ptr(const TableLock, lock, hazards->locks)
		json_write_string(json, hazard_lock_object(lock), hazard_lock_name(lock->mode));
	json_write_close(json, '}');
}

bool
hazard_is_none(const Hazards *hazards)
{
	return hazards->kinds == 0 && hazards->locks == NIL && !hazards->scans;
}

char *
hazard_json(const List *statements)
{
	HazardReader reader = hazard_reader();
	JsonWriter	json;
	int			number = 0;

	json_write_init(&json);
	json_write_open(&json, NULL, '[');
	foreach_ptr(const char, statement, (List *) statements)
	{
		Hazards    *hazards = hazard_read(&reader, statement);

		number++;
		if (hazard_is_none(hazards))
			continue;
		json_write_open(&json, NULL, '{');
		json_write_raw(&json, "statement", psprintf("%d", number));
		hazard_write(&json, hazards);
		json_write_close(&json, '}');
	}
	json_write_close(&json, ']');
	return json.text.data;
}

/* ----------
 * Words
 * ----------
 */
LOCKMODE
hazard_strongest_lock(const Hazards *hazards)
{
	LOCKMODE	strongest = NoLock;

	foreach_ptr(const TableLock, lock, hazards->locks)
		strongest = Max(strongest, lock->mode);
	return strongest;
}

const char *
hazard_lock_name(LOCKMODE mode)
{
	static const char *const names[] = {
		[NoLock] = "none",
		[AccessShareLock] = "ACCESS SHARE",
		[RowShareLock] = "ROW SHARE",
		[RowExclusiveLock] = "ROW EXCLUSIVE",
		[ShareUpdateExclusiveLock] = "SHARE UPDATE EXCLUSIVE",
		[ShareLock] = "SHARE",
		[ShareRowExclusiveLock] = "SHARE ROW EXCLUSIVE",
		[ExclusiveLock] = "EXCLUSIVE",
		[AccessExclusiveLock] = "ACCESS EXCLUSIVE"
	};

	Assert(mode >= NoLock && mode < lengthof(names));
	return names[mode];
}

char *
hazard_lock_object(const TableLock *lock)
{
	return lock->schema ? psprintf("%s.%s", lock->schema, lock->name) : pstrdup(lock->name);
}

const char *
hazard_name(HazardKind kind)
{
	return hazard_kind_names[kind];
}

bool
hazard_find(const char *name, HazardKind *kind)
{
	for (int i = 0; i < NUM_HAZARDS; i++)
	{
		if (strcmp(name, hazard_kind_names[i]) == 0)
		{
			*kind = (HazardKind) i;
			return true;
		}
	}
	return false;
}

List *
hazard_words(HazardSet kinds)
{
	List	   *words = NIL;

	for (int i = 0; i < NUM_HAZARDS; i++)
	{
		if (kinds & HAZARD_BIT(i))
			words = lappend(words, (char *) hazard_kind_names[i]);
	}
	return words;
}

/* The texts, with something between each two */
static char *
join(const List *texts, const char *between)
{
	StringInfoData buf;

	initStringInfo(&buf);
	foreach_ptr(const char, text, (List *) texts)
		appendStringInfo(&buf, "%s%s", buf.len > 0 ? between : "", text);
	return buf.data;
}

char *
hazard_names(HazardSet kinds)
{
	return join(hazard_words(kinds), ", ");
}

char *
hazard_text(const List *texts)
{
	return texts == NIL ? NULL : join(texts, "; ");
}
