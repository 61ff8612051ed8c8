import path from 'node:path'
import { type Cost, measure } from '../data/measure.ts'
import { noise, openYard, printTable } from './yard.ts'

const sizes = [10_000, 100_000]
const small = 200

/** Whole processes on trees of small files: as many chunks as files. */
export async function measureMemory(): Promise<void> {
  const rows: (string | number)[][] = []
  for (const files of sizes) {
    const yard = openYard('[store]\nurl = "file:./store"\n')
    for (let at = 0; at < files; at++) yard.write(`tree/${at % 200}/${at}`, noise(small, at))
    const env = { HOME: yard.at('home'), XDG_CACHE_HOME: yard.at('cache'), XDG_STATE_HOME: yard.at('state') }
    const holdfast = `cd ${yard.folder} && ${process.execPath} ${path.join(import.meta.dirname, '../../bin/holdfast.cjs')}`
    const row = (what: string, { cpu, rss }: Cost) => rows.push([what, files, `${cpu.toFixed(1)} s`, `${Math.round(rss)} MB`])
    row('snapshot create, the first', measure(`${holdfast} snapshot create tree`, env))
    row('snapshot create, nothing changed', measure(`${holdfast} snapshot create tree`, env))
    row('snapshot restore', measure(`${holdfast} snapshot restore latest --to back`, env))
    row('store prune', measure(`${holdfast} store prune`, env))
    row('store verify --read-data', measure(`${holdfast} store verify --read-data`, env))
    row('store copy', measure(`${holdfast} store copy --to file:./copy`, env))
    yard.remove()
  }
  printTable('Memory and time of whole processes', ['command', 'files', 'CPU time', 'peak memory'], rows)
}
