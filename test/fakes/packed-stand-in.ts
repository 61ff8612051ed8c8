import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'

const launcher = path.resolve(import.meta.dirname, '../../bin/holdfast.cjs')

/** A tarball of npm whose `holdfast` is that of this checkout: it needs no build and no registry to be installed. */
export function packStandIn(scratch: string): string {
  const folder = mkdtempSync(path.join(scratch, 'package-'))
  mkdirSync(path.join(folder, 'bin'))
  writeFileSync(path.join(folder, 'package.json'), '{ "name": "holdfast", "version": "0.0.1", "bin": { "holdfast": "bin/holdfast.cjs" } }')
  writeFileSync(path.join(folder, 'bin/holdfast.cjs'), `#!/usr/bin/env node\nrequire(${JSON.stringify(launcher)})\n`, { mode: 0o755 })
  execFileSync('npm', ['pack', '--silent', '--pack-destination', folder], { cwd: folder })
  return path.join(
    folder,
    readdirSync(folder).find((name) => name.endsWith('.tgz'))!,
  )
}
