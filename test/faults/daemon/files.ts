import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'

/** Files below a folder by their paths. */
export function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)))
    .toSorted()
}

/** Paths and contents. */
export function filesOf(folder: string): Map<string, string> {
  return new Map(filesIn(folder).map((name) => [name, readFileSync(path.join(folder, name), 'base64')]))
}
