# ashmig: migrations from Ash resource snapshots, inside PostgreSQL
#
#   make, make install, make installcheck   as with every PGXS extension; with
#                  the program of client/, which "make -C client" builds alone
#   make test      everything, in a private throwaway server
#   make fuzz, laws, kills, half_done, backfills, retypes, leaks
#                  more of what test does a little of; N=1000, SEED=42 (scripts/soak)
#   make citus-test  the tests that need Citus, skipped where there is none
#   make libfuzzer the readers of snapshots, without a server; TIME=60 seconds each
#   make valgrind  some of the tests, with every access to memory checked
#   make demo      the sample application, likewise
#   make bench     the measurements, likewise
#   make format    src/ and client/ in PostgreSQL's format, by pg_bsd_indent
#   make dist      the archive for PGXN

EXTENSION    = ashmig
MODULE_big   = ashmig
DATA         = $(wildcard ashmig--*.sql)
OBJS         = $(patsubst %.c,%.o,$(sort $(wildcard src/*/*.c)))
SHLIB_LINK   = -lcjson

# One database for all of them, so setup comes first; with the same encoding
# and order whatever the server has.
sql_tests   := $(patsubst sql/%.sql,%,$(sort $(wildcard sql/*.sql)))
REGRESS     := $(strip $(filter setup,$(sql_tests)) $(filter-out setup,$(sql_tests)))
REGRESS_OPTS = --encoding=UTF8 --no-locale
ISOLATION   := $(patsubst specs/%.spec,%,$(sort $(wildcard specs/*.spec)))
ISOLATION_OPTS = --encoding=UTF8 --no-locale --load-extension=ashmig
TAP_TESTS   := $(if $(wildcard t/*.pl),1)

# Most machines lack the one clang version that the server was built with,
# and DDL gains nothing from inlined bitcode. "make with_llvm=yes" asks for it.
ifneq ($(origin with_llvm),command line)
override with_llvm := no
endif

# Set WERROR= to build with a compiler that knows more warnings than we do.
WERROR      ?= -Werror

PG_CONFIG   ?= pg_config
PGXS        := $(shell $(PG_CONFIG) --pgxs 2>/dev/null)

.DEFAULT_GOAL := all

# These bring (or ask for) what they need, so they work before PGXS does.
own_goals   = test citus-test demo bench dist format libfuzzer valgrind check-includes check-format check-docs
soak_goals  = fuzz laws kills half_done backfills retypes leaks
.PHONY: $(own_goals) $(soak_goals)
$(own_goals):
	@scripts/$@
$(soak_goals):
	@scripts/soak $@

# Whatever else was asked for needs the server's build files.
pgxs_goals  = $(filter-out $(own_goals) $(soak_goals),$(if $(MAKECMDGOALS),$(MAKECMDGOALS),all))

ifneq ($(pgxs_goals),)

ifeq ($(and $(wildcard $(PGXS)),$(wildcard $(shell $(PG_CONFIG) --includedir-server)/postgres.h)),)
$(error The server's build files are missing ($(PG_CONFIG) --pgxs says "$(PGXS)", and postgres.h comes with the server's headers). Debian: apt-get install postgresql-server-dev-NN, NN being the server's version; or PG_CONFIG=/path/to/pg_config)
endif

ifneq ($(filter-out clean distclean maintainer-clean,$(pgxs_goals)),)
ifeq ($(shell echo '\#include <cjson/cJSON.h>' | $(CC) -E -x c - >/dev/null 2>&1 && echo found),)
$(error The header cjson/cJSON.h is missing. Debian: apt-get install libcjson-dev)
endif
endif

# A file names the folder of what it includes: "run/worklist.h".
PG_CPPFLAGS  = -I$(srcdir)/src

# The server's headers count as system headers, so that the warnings below
# speak of this project alone. The macros of PG_FUNCTION_ARGS, hooks and
# callbacks fix parameters that not every function reads, and lengthof() is
# unsigned where PostgreSQL counts in int.
ifneq ($(findstring __GNUC__,$(shell $(CC) -dM -E - </dev/null 2>/dev/null)),)
PG_CPPFLAGS += -isystem $(shell $(PG_CONFIG) --includedir-server)
PG_CFLAGS    = -Wall -Wextra -Wno-unused-parameter -Wno-sign-compare $(WERROR)

# The server loads modules into one name space. What it calls is exported, and
# nothing else: our functions call ours. PGXS does it by itself since 16.
PG_CFLAGS   += -fvisibility=hidden
endif

include $(PGXS)

# Few enough files that a changed header may rebuild them all.
$(OBJS): $(wildcard src/*/*.h) Makefile

# The program goes along.
all: client-all
install: client-install
uninstall: client-uninstall
clean: client-clean
client_goals = client-all client-install client-uninstall client-clean
.PHONY: $(client_goals)
$(client_goals): client-%:
	$(MAKE) -C $(srcdir)/client PG_CONFIG='$(PG_CONFIG)' WERROR='$(WERROR)' $*

endif
