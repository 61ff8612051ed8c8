import { globSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { runCli } from '../../src/cli/program.ts'
import { type Clock, systemClock } from '../../src/kit/index.ts'
import { seededRandom } from '../../test/fakes/seeded-random.ts'
import { fakeTerminal } from '../../test/fakes/terminal.ts'

export interface Done {
  readonly result: Record<string, unknown>
  /** By kind: get, put, head, list, copy, delete. */
  readonly operations: Readonly<Record<string, number>>
}

/** A project in a folder of its own. */
export interface Yard {
  readonly folder: string
  at(...parts: readonly string[]): string
  write(file: string, content: string | Uint8Array): void
  /** Runs a command; throws where it does not end with 0. */
  run(line: string): Promise<Done>
  /** Bytes and number of the files that match. */
  size(pattern: string): { readonly bytes: number; readonly files: number }
  /** Of a ref as it is now: older generations are kept for an hour. */
  refBytes(key: string): number
  remove(): void
}

export function openYard(configuration: string): Yard {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'holdfast-capacity-'))
  const at = (...parts: readonly string[]) => path.join(folder, ...parts)
  writeFileSync(at('holdfast.toml'), configuration)
  const env = { PATH: process.env['PATH'], HOME: at('home'), USER: 'builder', NO_COLOR: '1' }
  let ahead = 0
  // Commands are a second apart at least: archives are named by the second.
  const clock: Clock = { ...systemClock, now: () => Date.now() + ahead }
  const random = seededRandom(7)
  const sizes = (pattern: string) => globSync(at(pattern)).flatMap((file) => (statSync(file).isFile() ? [statSync(file).size] : []))
  return {
    folder,
    at,
    write(file, content) {
      mkdirSync(path.dirname(at(file)), { recursive: true })
      writeFileSync(at(file), content)
    },
    async run(line) {
      ahead += 1000
      const terminal = fakeTerminal({ cwd: folder, env, clock, random })
      const exit = await runCli([...line.split(' '), '--yes', '--json', '--stats'], terminal.host)
      if (exit !== 0) throw new Error(`holdfast ${line} ended with ${exit}: ${terminal.err()}${terminal.out()}`)
      const { result, stats } = JSON.parse(terminal.out()) as {
        result: Record<string, unknown>
        stats: { operations: Record<string, number> }
      }
      return { result, operations: stats.operations }
    },
    size(pattern) {
      const found = sizes(pattern)
      return { bytes: found.reduce((sum, size) => sum + size, 0), files: found.length }
    },
    refBytes(key) {
      const generations = globSync(at('store', path.dirname(key), `.~gen-${path.basename(key)}`, '*')).toSorted()
      return statSync(generations.at(-1) ?? at('store', key)).size
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  }
}

/** `3 get, 1 put`. */
export function countsOf({ operations }: Done): string {
  const parts = Object.entries(operations).flatMap(([kind, count]) => (count > 0 ? [`${count} ${kind}`] : []))
  return parts.join(', ') || 'none'
}

/** Bytes that cannot be compressed, the same each time. */
export function noise(bytes: number, seed: number): Buffer {
  const random = seededRandom(seed)
  const made = Buffer.alloc(bytes)
  for (let at = 0; at + 4 <= bytes; at += 4) made.writeUInt32LE(Math.floor(random() * 2 ** 32), at)
  return made
}

export function printTable(title: string, head: readonly string[], rows: readonly (readonly (string | number)[])[]): void {
  const line = (cells: readonly (string | number)[]) =>
    `| ${cells.map((cell) => (typeof cell === 'number' ? cell.toLocaleString('en-US') : cell)).join(' | ')} |`
  console.log(`\n${title}\n\n${[line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')}`)
}
