import { afterAll, beforeAll } from 'vitest'
import { type CleanEnvironment, type CleanOptions, restoreAround } from './index.ts'

/**
 * For Vitest: gives an environment back before the test file or `describe` that calls it, or before every file where a setup
 * file calls it. Files that run at the same time take turns.
 */
export function restoreBeforeSuite(options: CleanOptions = {}): CleanEnvironment {
  // A suite may have to wait for its turn, so the runner's limit for hooks does not hold.
  return restoreAround({ before: (work) => beforeAll(work, noLimit), after: (work) => afterAll(work) }, options)
}

const noLimit = 0
