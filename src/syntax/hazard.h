/*
 * hazard.h
 *		What a statement does to the tables of a database in use: what it locks,
 *		whether it writes or reads a whole table, and what a running application
 *		notices.
 *
 * This is read off PostgreSQL's own parse tree, so generated and hand-written
 * statements are judged alike, by the text that runs.  Syntax alone is looked
 * at: what only the catalog knows (the table of an index that is dropped, the
 * old type of a column) the caller says, or it is taken to be the worse.
 *
 * What PostgreSQL does is said once, in a table of hazard.c, rule by rule.
 */
#ifndef ASHMIG_HAZARD_H
#define ASHMIG_HAZARD_H

#include "postgres.h"

#include "nodes/pg_list.h"
#include "storage/lockdefs.h"

#include "base/json_writer.h"
#include "syntax/not_null_proof.h"

/* What a team may want to be asked about, by the words of the argument "allow" */
typedef enum HazardKind
{
	HAZARD_REWRITE,				/* writes a table anew, and locks out everyone
								 * meanwhile */
	HAZARD_SCAN,				/* reads a whole table, and locks out at least
								 * those who write */
	HAZARD_DATA_LOSS,			/* values or rows are gone */
	HAZARD_DATA_CHANGE,			/* rows are changed */
	HAZARD_DROP,				/* running code may use what goes */
	HAZARD_RENAME,				/* running code uses the old name */
	HAZARD_TYPE,				/* running code gets and sends another type */
	HAZARD_NOT_NULL,			/* what leaves a column NULL fails */
	HAZARD_CONSTRAINT,			/* rows that break a new rule fail */
	HAZARD_CUSTOM				/* code that cannot be looked into */
} HazardKind;

#define NUM_HAZARDS (HAZARD_CUSTOM + 1)

/* Several kinds, a bit for each */
typedef uint32 HazardSet;

#define HAZARD_BIT(kind) ((HazardSet) 1 << (kind))

typedef struct TableLock
{
	char	   *schema;			/* a name or a placeholder; NULL: search_path
								 * decides */
	char	   *name;			/* of a table, or of an index where only that
								 * is locked */
	LOCKMODE	mode;
} TableLock;

/* What one or more statements do */
typedef struct Hazards
{
	HazardSet	kinds;
	bool		rewrites;		/* writes a whole table anew */
	bool		scans;			/* reads a whole table */
	List	   *locks;			/* of TableLock *: the strongest on each */
	List	   *notices;		/* of char *: what a running application
								 * notices, each once */
	List	   *safer;			/* of char *: the safer ways, each once */
} Hazards;

/* What is known from elsewhere while statements are read, one after the other */
typedef struct HazardReader
{
	MemoryContext context;		/* of what is created */
	List	   *created;		/* of TableLock *: tables that the statements
								 * before have created, which nobody uses yet;
								 * grows */
	const TableLock *index_table;	/* the table of the index that the
									 * statement drops; or NULL */
	NotNullProofs proofs;		/* what the statements before have proved;
								 * grows */
	bool		knows_constraints;	/* the caller adds the table that a
									 * dropped foreign key points to */
	bool		retypes_in_place;	/* the old values are valid for the new
									 * type as they are */
} HazardReader;

/* One that has read nothing; what it notes is allocated in the current context. */
static inline HazardReader
hazard_reader(void)
{
	HazardReader reader = {.context = CurrentMemoryContext, .proofs.context = CurrentMemoryContext};

	return reader;
}

/*
 * What a statement does, or several in one text, with the placeholders of
 * sql_text.h in it, and as its directive (directive.h) has it run.  What is no
 * SQL counts as code that cannot be looked into.
 * Callers at the edge pin the settings of the parser.
 */
extern Hazards *hazard_read(HazardReader *reader, const char *sql);

static inline bool
hazard_has(const Hazards *hazards, HazardKind kind)
{
	return (hazards->kinds & HAZARD_BIT(kind)) != 0;
}

/* Add what others do; what both say is said once. */
extern void hazard_add(Hazards *hazards, const Hazards *more);

/* Add a lock; the strongest on each table stays. */
extern void hazard_add_lock(Hazards *hazards, const char *schema, const char *name, LOCKMODE mode);

/* Do they concern nobody? */
extern bool hazard_is_none(const Hazards *hazards);

/*
 * As JSON: the members of an object that is open; an object of what is locked
 * and how; and what each of a migration's statements does, as
 * ashmig.migrations.hazards keeps it, without those that concern nobody.
 */
extern void hazard_write(JsonWriter *json, const Hazards *hazards);
extern void hazard_write_locks(JsonWriter *json, const char *key, const Hazards *hazards);
extern char *hazard_json(const List *statements);

/* The strongest lock of all: NoLock if there is none */
extern LOCKMODE hazard_strongest_lock(const Hazards *hazards);

/* "ACCESS EXCLUSIVE"; "none" for NoLock */
extern const char *hazard_lock_name(LOCKMODE mode);

/* "posts", "@tenant@.posts": what is locked, as stored statements write it but for quotes */
extern char *hazard_lock_object(const TableLock *lock);

/*
 * The word for a kind, and the kind of a word: false if there is none.  All of
 * them, for messages: "rewrite, scan, ...".
 */
extern const char *hazard_name(HazardKind kind);
extern bool hazard_find(const char *name, HazardKind *kind);
extern char *hazard_names(HazardSet kinds);

/* The words of the kinds, as a List of char * */
extern List *hazard_words(HazardSet kinds);

/* The texts of a list, with semicolons between them; NULL if there are none */
extern char *hazard_text(const List *texts);

#endif							/* ASHMIG_HAZARD_H */
