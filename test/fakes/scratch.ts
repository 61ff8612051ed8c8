import { mkdtempSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after } from 'node:test'

/** A new directory for the tests of a file, removed after them. Called at the top of the file or of a `describe`. */
export function scratchDirectory(): string {
  const directory = mkdtempSync(path.join(os.tmpdir(), 'holdfast-test-'))
  after(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}
