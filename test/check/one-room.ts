/** Every unit test that matches the pattern given, in this one process: how `test/run.ts` runs a room. */
import { globSync } from 'node:fs'
import path from 'node:path'

const [pattern] = process.argv.slice(2)
if (pattern === undefined) throw new Error('usage: one-room.ts PATTERN')
for (const file of globSync(pattern).toSorted()) await import(path.resolve(file))
