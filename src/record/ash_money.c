/*
 * ash_money.c
 *		"ash_money", AshMoney's type with its operators and aggregates: see
 *		bundled.h.
 *
 * Version 1 has the type, addition and the aggregates; 2 multiplies, 3
 * subtracts and negates, 4 compares, and 5 mends the ">=" of 4, which meant
 * ">".
 */
#include "postgres.h"

#include "record/bundled.h"
#include "syntax/sql_text.h"

#define MONEY		PLACEHOLDER_DEFAULT ".money_with_currency"
#define MONEY_MONEY	MONEY ", " MONEY
#define OPTIONS		"LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE SET search_path = ''\n"

#define TYPE \
	"CREATE TYPE " MONEY " AS (currency_code varchar, amount numeric)"

/* ------------------------------------------------------------------------
 * Functions
 * ------------------------------------------------------------------------
 */

/*
 * Two amounts can be put together only in one currency.  The application looks
 * at the SQLSTATE.
 */
#define CHECK_CURRENCY(one, other) \
	"    IF (" one ").currency_code IS DISTINCT FROM (" other ").currency_code\n" \
	"        OR (" one ").currency_code IS NULL THEN\n" \
	"        RAISE EXCEPTION 'currencies \"%\" and \"%\" differ',\n" \
	"            (" one ").currency_code, (" other ").currency_code\n" \
	"            USING ERRCODE = '22033', HINT = 'Both values must have the same currency code.';\n" \
	"    END IF;\n"

#define ARITHMETIC(name, symbol) \
	BUNDLED_CREATE(name "(money_1 " MONEY ", money_2 " MONEY ")\n") \
	"RETURNS " MONEY "\n" OPTIONS \
	"AS $$\n" \
	"BEGIN\n" \
	CHECK_CURRENCY("money_1", "money_2") \
	"    RETURN ROW((money_1).currency_code, (money_1).amount " symbol " (money_2).amount);\n" \
	"END\n" \
	"$$"

#define COMPARE(name, symbol) \
	BUNDLED_CREATE(name "(money_1 " MONEY ", money_2 " MONEY ") RETURNS boolean\n") \
	OPTIONS \
	"AS $$\n" \
	"BEGIN\n" \
	CHECK_CURRENCY("money_1", "money_2") \
	"    RETURN (money_1).amount " symbol " (money_2).amount;\n" \
	"END\n" \
	"$$"

#define COMPARE_NUMBER(name, symbol) \
	BUNDLED_CREATE(name "(money_1 " MONEY ", amount numeric) RETURNS boolean\n") \
	OPTIONS \
	"AS $$\n" \
	"BEGIN\n" \
	"    RETURN (money_1).amount " symbol " amount;\n" \
	"END\n" \
	"$$"

#define NEGATE \
	BUNDLED_CREATE("money_neg(money_1 " MONEY ") RETURNS " MONEY "\n") \
	OPTIONS \
	"AS $$\n" \
	"BEGIN\n" \
	"    RETURN ROW((money_1).currency_code, - (money_1).amount);\n" \
	"END\n" \
	"$$"

/* "arguments" name both, in either order. */
#define MULTIPLY(name, arguments) \
	BUNDLED_CREATE(name "(" arguments ") RETURNS " MONEY "\n") \
	OPTIONS \
	"AS $$\n" \
	"BEGIN\n" \
	"    RETURN ROW((money).currency_code, (money).amount * multiplicator);\n" \
	"END\n" \
	"$$"

/* ------------------------------------------------------------------------
 * Aggregates
 * ------------------------------------------------------------------------
 */

/*
 * The first value that is not null is the first state.  Without a currency it
 * counts as no value.
 */
#define STATE(name, value) \
	BUNDLED_CREATE(name "(agg_state " MONEY ", money " MONEY ")\n") \
	"RETURNS " MONEY "\n" OPTIONS \
	"AS $$\n" \
	"BEGIN\n" \
	"    IF (agg_state).currency_code IS NULL THEN\n" \
	"        RETURN money;\n" \
	"    END IF;\n" \
	CHECK_CURRENCY("agg_state", "money") \
	"    RETURN ROW((agg_state).currency_code, " value("(agg_state).amount", "(money).amount") ");\n" \
	"END\n" \
	"$$"

#define COMBINE(name, value) \
	BUNDLED_CREATE(name "(agg_state1 " MONEY ", agg_state2 " MONEY ")\n") \
	"RETURNS " MONEY "\n" OPTIONS \
	"AS $$\n" \
	"BEGIN\n" \
	CHECK_CURRENCY("agg_state1", "agg_state2") \
	"    RETURN ROW((agg_state1).currency_code, " value("(agg_state1).amount", "(agg_state2).amount") ");\n" \
	"END\n" \
	"$$"

#define LEAST_OF(one, other)	"least(" one ", " other ")"
#define GREATEST_OF(one, other) "greatest(" one ", " other ")"
#define SUM_OF(one, other)		one " + " other

#define AGGREGATE(name) \
	"CREATE OR REPLACE AGGREGATE " PLACEHOLDER_DEFAULT "." name "(" MONEY ") (\n" \
	"    SFUNC = " PLACEHOLDER_DEFAULT ".money_" name "_state_function,\n" \
	"    STYPE = " MONEY ",\n" \
	"    COMBINEFUNC = " PLACEHOLDER_DEFAULT ".money_" name "_combine_function,\n" \
	"    PARALLEL = SAFE\n" \
	")"

/* ------------------------------------------------------------------------
 * Operators
 * ------------------------------------------------------------------------
 */
#define OPERATOR(symbol, left, right, function) \
	"CREATE OPERATOR " PLACEHOLDER_DEFAULT "." symbol " (\n" \
	"    LEFTARG = " left ", RIGHTARG = " right ",\n" \
	"    FUNCTION = " PLACEHOLDER_DEFAULT "." function "\n" \
	")"

#define ADD_OPERATOR \
	"CREATE OPERATOR " PLACEHOLDER_DEFAULT ".+ (\n" \
	"    LEFTARG = " MONEY ", RIGHTARG = " MONEY ",\n" \
	"    FUNCTION = " PLACEHOLDER_DEFAULT ".money_add,\n" \
	"    COMMUTATOR = OPERATOR(" PLACEHOLDER_DEFAULT ".+)\n" \
	")"

#define NEGATE_OPERATOR \
	"CREATE OPERATOR " PLACEHOLDER_DEFAULT ".- (\n" \
	"    RIGHTARG = " MONEY ",\n" \
	"    FUNCTION = " PLACEHOLDER_DEFAULT ".money_neg\n" \
	")"

/* ------------------------------------------------------------------------
 * What each version has
 * ------------------------------------------------------------------------
 */

/* A function of money, or of booleans */
#define MONEY_FUNCTION(name, arguments, since, create) \
	{BUNDLED_FUNCTION, name "(" arguments ")", MONEY, since, create}
#define TRUTH_FUNCTION(name, arguments, since, create) \
	{BUNDLED_FUNCTION, name "(" arguments ")", "boolean", since, create}

/* An aggregate with its two functions */
#define WHOLE_AGGREGATE(name, value) \
	MONEY_FUNCTION("money_" name "_state_function", MONEY_MONEY, 1, \
				   STATE("money_" name "_state_function", value)), \
	MONEY_FUNCTION("money_" name "_combine_function", MONEY_MONEY, 1, \
				   COMBINE("money_" name "_combine_function", value)), \
	{BUNDLED_AGGREGATE, name "(" MONEY ")", MONEY, 1, AGGREGATE(name)}

#define BINARY_OPERATOR(symbol, left, right, function, since) \
	{BUNDLED_OPERATOR, symbol "(" left ", " right ")", function, since, \
	OPERATOR(symbol, left, right, function)}

/* The two functions of a comparison; and its operators, which call "function" */
#define COMPARING(name, symbol) \
	TRUTH_FUNCTION(name, MONEY_MONEY, 4, COMPARE(name, symbol)), \
	TRUTH_FUNCTION(name, MONEY ", numeric", 4, COMPARE_NUMBER(name, symbol))

static const BundledObject objects[] = {
	{BUNDLED_TYPE, "money_with_currency", "currency_code, amount", 1, TYPE},

	MONEY_FUNCTION("money_add", MONEY_MONEY, 1, ARITHMETIC("money_add", "+")),
	{BUNDLED_OPERATOR, "+(" MONEY_MONEY ")", "money_add", 1, ADD_OPERATOR},
	WHOLE_AGGREGATE("min", LEAST_OF),
	WHOLE_AGGREGATE("max", GREATEST_OF),
	WHOLE_AGGREGATE("sum", SUM_OF),

	MONEY_FUNCTION("money_mult", "numeric, " MONEY, 2,
				   MULTIPLY("money_mult", "multiplicator numeric, money " MONEY)),
	MONEY_FUNCTION("money_mult_reverse", MONEY ", numeric", 2,
				   MULTIPLY("money_mult_reverse", "money " MONEY ", multiplicator numeric")),
	BINARY_OPERATOR("*", "numeric", MONEY, "money_mult", 2),
	BINARY_OPERATOR("*", MONEY, "numeric", "money_mult_reverse", 2),

	MONEY_FUNCTION("money_sub", MONEY_MONEY, 3, ARITHMETIC("money_sub", "-")),
	BINARY_OPERATOR("-", MONEY, MONEY, "money_sub", 3),
	MONEY_FUNCTION("money_neg", MONEY, 3, NEGATE),
	{BUNDLED_OPERATOR, "-(NONE, " MONEY ")", "money_neg", 3, NEGATE_OPERATOR},

	COMPARING("money_gt", ">"),
	BINARY_OPERATOR(">", MONEY, MONEY, "money_gt", 4),
	BINARY_OPERATOR(">", MONEY, "numeric", "money_gt", 4),
	COMPARING("money_gte", ">="),
	BINARY_OPERATOR(">=", MONEY, MONEY, "money_gt", 4),
	BINARY_OPERATOR(">=", MONEY, MONEY, "money_gte", 5),
	BINARY_OPERATOR(">=", MONEY, "numeric", "money_gt", 4),
	BINARY_OPERATOR(">=", MONEY, "numeric", "money_gte", 5),
	COMPARING("money_lt", "<"),
	BINARY_OPERATOR("<", MONEY, MONEY, "money_lt", 4),
	BINARY_OPERATOR("<", MONEY, "numeric", "money_lt", 4),
	COMPARING("money_lte", "<="),
	BINARY_OPERATOR("<=", MONEY, MONEY, "money_lte", 4),
	BINARY_OPERATOR("<=", MONEY, "numeric", "money_lte", 4),
};

const BundledExtension bundled_ash_money = {
	"ash_money", "ash_money", 5, objects, lengthof(objects)
};
