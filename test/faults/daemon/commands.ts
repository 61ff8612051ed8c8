import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import path from 'node:path'

export type Holdfast = (line: string) => Promise<{ exit: number; out: string; err: string }>

/** Command lines that have to succeed. */
export function commands(folder: string, env: Readonly<Record<string, string>>): Holdfast {
  return async (line) => {
    const child = spawn(process.execPath, [path.resolve(import.meta.dirname, '../../../src/cli/main.ts'), ...line.split(' ')], {
      cwd: folder,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const texts = { out: '', err: '' }
    child.stdout.on('data', (piece: Buffer) => (texts.out += piece.toString('utf8')))
    child.stderr.on('data', (piece: Buffer) => (texts.err += piece.toString('utf8')))
    const exit = await new Promise<number>((resolve) => child.once('close', (code) => resolve(code ?? 128)))
    assert.equal(exit, 0, `holdfast ${line}: ${texts.out}${texts.err}`)
    return { exit, ...texts }
  }
}
