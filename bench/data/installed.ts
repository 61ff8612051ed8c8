import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'

const root = path.join(import.meta.dirname, '../..')

/** Packs this checkout and installs it into a new folder `at`, as its users do; the program's file. */
export function packAndInstall(at: string): string {
  mkdirSync(at)
  writeFileSync(path.join(at, 'package.json'), '{ "private": true }')
  execFileSync('npm', ['pack', '--silent', '--pack-destination', at], { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] })
  const tarball = readdirSync(at).find((name) => name.endsWith('.tgz'))!
  execFileSync('npm', ['install', '--silent', '--no-audit', '--no-fund', `./${tarball}`], { cwd: at, stdio: 'ignore' })
  return programIn(at)
}

export function programIn(at: string): string {
  return path.resolve(at, 'node_modules/holdfast/bin/holdfast.cjs')
}

/** The command line that starts what users start: installed once for this process, and gone with it. */
export function installedCommand(): string {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'holdfast-installed-'))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  return `${process.execPath} ${packAndInstall(path.join(folder, 'installed'))}`
}
