/*
 * commands.h
 *		The commands.  One command is one call of one of ashmig's functions, with
 *		what a person needs around it.
 */
#ifndef ASHMIG_COMMANDS_H
#define ASHMIG_COMMANDS_H

#include "options.h"

/* All of them; the last one has no name */
extern const Command commands[];

/* Each returns the status to exit with. */

/* command_setup.c */
extern int	command_init(const Arguments *arguments);
extern int	command_create(const Arguments *arguments);
extern int	command_drop(const Arguments *arguments);

/* command_codegen.c */
extern int	command_codegen(const Arguments *arguments);
extern int	command_diff(const Arguments *arguments);
extern int	command_regen(const Arguments *arguments);

/* command_run.c */
extern int	command_migrate(const Arguments *arguments);
extern int	command_rollback(const Arguments *arguments);

extern void command_run_check(const Arguments *arguments, bool with_tenants);

/* command_servers.c: the same on several servers */
extern int	command_servers_migrate(const Arguments *arguments);
extern int	command_servers_rollback(const Arguments *arguments);
extern int	command_servers_each(const Arguments *arguments);

/* command_status.c */
extern int	command_status(const Arguments *arguments);
extern int	command_migrations(const Arguments *arguments);
extern int	command_tenants(const Arguments *arguments);

/* command_files.c */
extern int	command_new(const Arguments *arguments);
extern int	command_export(const Arguments *arguments);
extern int	command_import(const Arguments *arguments);
extern int	command_squash(const Arguments *arguments);

/* command_tenant.c */
extern int	command_tenant_create(const Arguments *arguments);
extern int	command_tenant_rename(const Arguments *arguments);
extern int	command_tenant_drop(const Arguments *arguments);
extern int	command_tenant_attach(const Arguments *arguments);

/* command_move.c */
extern int	command_tenant_move(const Arguments *arguments);

/* command_fleet.c */
extern int	command_drift(const Arguments *arguments);
extern int	command_adopt(const Arguments *arguments);
extern int	command_release(const Arguments *arguments);

/* command_trial.c */
extern int	command_precheck(const Arguments *arguments);
extern int	command_try(const Arguments *arguments);

/* command_help.c */
extern int	command_help(const Arguments *arguments);
extern int	command_completion(const Arguments *arguments);

#endif							/* ASHMIG_COMMANDS_H */
