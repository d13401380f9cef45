/*
 * ash_functions.h
 *		The functions that AshPostgres expects in a database: its extension
 *		"ash-functions", in all its versions.
 *
 * Names, arguments and results are AshPostgres'; the bodies are our own.  They
 * lie in the default schema (PLACEHOLDER_DEFAULT).
 */
#ifndef ASHMIG_ASH_FUNCTIONS_H
#define ASHMIG_ASH_FUNCTIONS_H

#include "postgres.h"

#define ASH_FUNCTIONS_NAME		"ash-functions"
#define ASH_FUNCTIONS_LATEST	6

/* Functions are counted from 0 to ASH_FUNCTIONS_COUNT - 1, in the order in which they are made. */
#define ASH_FUNCTIONS_COUNT		9

/* "ash_raise_error(jsonb)": what to call a function, without its schema */
extern const char *ash_function_signature(int function);

/* The type it returns, as regtype prints it */
extern const char *ash_function_result(int function);

/*
 * The statement that makes a function as a version has it; NULL if that
 * version has no such function.  Version 0 has none.  Pointers of two versions
 * are equal where the function is the same.
 */
extern const char *ash_function_create(int function, int version);

/* The statement that drops it */
extern char *ash_function_drop(int function);

#endif							/* ASHMIG_ASH_FUNCTIONS_H */
