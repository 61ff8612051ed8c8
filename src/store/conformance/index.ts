/**
 * The conformance suite: what `store.ts` promises, as cases that any store can be held to. No test framework inside.
 *
 * Promises: only what the store says about itself (`can`, `near`) chooses the cases; it writes under its prefix alone and deletes that again.
 * Never does: read or touch anything outside of its prefix.
 */
export { type CaseEnv, type ConformanceCase, type Facts } from './case.ts'
export { applicableCases, type CaseResult, conformanceCases, type ConformanceEnv, runCase, runConformance } from './runner.ts'
