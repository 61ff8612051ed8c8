/**
 * The conformance suite of modes: what `mode.ts` promises, through the commands that people use, as cases that any mode can be
 * held to. No test framework inside.
 *
 * Promises: each case has an environment of its own, in the folder that it is given. Never does: write anywhere else.
 */
export type { CaseWorld, EnvironmentCase, Facts } from './case.ts'
export { type CaseResult, modeCases, type ModeSuite, runModeCase } from './runner.ts'
