/*
 * plan_notes.h
 *		What the catalog adds to the notes of ashmig_plan: tenants' foreign keys
 *		to public tables, and columns that name tenants.
 */
#ifndef ASHMIG_PLAN_NOTES_H
#define ASHMIG_PLAN_NOTES_H

#include "postgres.h"

#include "plan/operation.h"

/* The note of an operation, after "note" (or NULL), which its hazard has; or NULL */
extern const char *plan_notes_add(const Operation *operation, const char *note);

#endif							/* ASHMIG_PLAN_NOTES_H */
