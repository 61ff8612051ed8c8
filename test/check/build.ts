/** `npm run build`: the sources as JavaScript and their types, in a fresh dist/, and the files made from the sources. */
import { spawnSync } from 'node:child_process'
import { rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { bundle } from './bundle.ts'
import { generateFiles } from './generated.ts'

const root = path.resolve(import.meta.dirname, '../..')
rmSync(path.join(root, 'dist'), { recursive: true, force: true })
const { status } = spawnSync('tsc', ['-p', 'tsconfig.build.json'], { cwd: root, stdio: 'inherit' })
await bundle()
for (const { file, text } of generateFiles()) writeFileSync(path.join(root, file), text)
process.exitCode = status ?? 1
