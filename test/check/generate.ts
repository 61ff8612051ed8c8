/** `npm run generate`: writes the files that are made from the sources. */
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { generateFiles } from './generated.ts'

for (const { file, text } of generateFiles()) {
  writeFileSync(path.resolve(import.meta.dirname, '../..', file), text)
  console.log(`wrote ${file}`)
}
