/**
 * Test suites that begin from a clean environment, whatever runs them.
 *
 * Promises: a suite has the environment for itself from its restore until it ends; a suite whose restore failed does not
 * run, and says why and what to do. Never does: anything on import; go on with what could not be given back.
 */
export { type CleanEnvironment, type CleanOptions, type RunnerHooks, restoreAround } from './restore-around.ts'
