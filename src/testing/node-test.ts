import { after, before } from 'node:test'
import { type CleanEnvironment, type CleanOptions, restoreAround } from './index.ts'

/** For node:test: gives an environment back before the test file or `describe` that calls it. Files that run at the same time take turns. */
export function restoreBeforeSuite(options: CleanOptions = {}): CleanEnvironment {
  return restoreAround({ before, after }, options)
}
