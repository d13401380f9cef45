/*
 * git.h
 *		What git knows of a folder.
 */
#ifndef ASHMIG_GIT_H
#define ASHMIG_GIT_H

#include "text.h"

/* The files of a folder that git does not know, relative to it.  Fails where there is no git. */
extern StringList git_unknown_files(const char *folder);

#endif							/* ASHMIG_GIT_H */
