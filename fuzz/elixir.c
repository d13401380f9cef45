/*
 * elixir.c
 *		Fuzz target: any text as the default of an attribute.
 *
 * It is a term or a problem, never both, and a term can be written as JSON.
 */
#include "postgres.h"

#include "server.h"
#include "snapshot/elixir.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char	   *source = server_string(data, size);

	if (source)
	{
		Problem		problem = {0};
		ElixirTerm *term = elixir_parse(source, "$", &problem);

		if ((term != NULL) != (problem.sqlerrcode == 0))
			abort();
		if (term && term->kind != ELIXIR_FRAGMENT && elixir_to_json(term) == NULL)
			abort();
	}
	server_reset();
	return 0;
}
