// Package directory says who and what there is: bodies, the numbers citizens
// dial, queues, agents and their phones. It holds plain, validated data and
// never looks anything up outside itself. The invariant: a Directory that
// passed Check has no dangling name in it.
package directory
