import { createCipheriv, createHash } from 'node:crypto'
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'

/** Bytes of one picture, which cannot be compressed. */
const pictureBytes = 3000

/**
 * Adds runs as training leaves them, fifteen files and about 40 KiB each, numbered from `first`; gives their folders below the root.
 * What is in them follows from their numbers alone.
 */
export function addTraining(root: string, first: number, count: number): string[] {
  return Array.from({ length: count }, (_, index) => {
    const number = first + index
    const folder = trainingFolder(number)
    for (const [name, content] of filesOf(number)) {
      const file = path.join(root, folder, name)
      mkdirSync(path.dirname(file), { recursive: true })
      writeFileSync(file, content)
    }
    return folder
  })
}

/** Ten steps more of a run: its log and its events grow; by how many bytes. */
export function growTraining(root: string, folder: string, step: number): number {
  const [events, log] = [eventsOf(folder, step, 10), logOf(folder, step, 10)]
  appendFileSync(path.join(root, folder, 'events.jsonl'), events)
  appendFileSync(path.join(root, folder, 'logs.txt'), log)
  return Buffer.byteLength(events) + Buffer.byteLength(log)
}

const projects = ['vision', 'speech', 'ranking', 'robots']
const models = ['resnet', 'transformer', 'baseline']

function trainingFolder(number: number): string {
  const id = `2025${two(1 + (number % 12))}${two(1 + (number % 28))}_${String(number).padStart(6, '0')}_${hashOf(number).slice(0, 6)}`
  return `${projects[number % 4]}/${models[number % 3]}/runs/${id}`
}

function filesOf(number: number): [string, string | Uint8Array][] {
  const folder = trainingFolder(number)
  const status = number % 10 === 0 ? 'running' : 'finished'
  const packages = Array.from({ length: 90 }, (_, at) => `package-${at}==${at % 7}.${(at * number) % 13}.${at % 5}`)
  return [
    ['meta.json', json({ id: folder, project: folder.split('/')[0], created_at: 1_704_060_000 + number, seed: hashOf(number) })],
    ['status.json', json({ status, updated_at: 1_704_067_000 + number })],
    ['summary.json', json({ loss: 1 / (number + 2), accuracy: 1 - 1 / (number + 3), best: hashOf(number + 0.5) })],
    ['environment.json', json({ python: '3.12.1', packages, host: `node-${number % 16}` })],
    ['artifacts_created.json', json([{ name: 'model', digest: hashOf(number + 0.25) }])],
    ['artifacts_used.json', json([{ name: 'data', digest: hashOf(number % 5) }])],
    ['events.jsonl', eventsOf(folder, 0, 100)],
    ['logs.txt', logOf(folder, 0, 100)],
    ['config.yaml', `lr: ${(number % 17) / 1000}\nbatch: ${32 << (number % 4)}\nseed: ${number}\n`],
    ['requirements.txt', `${packages.join('\n')}\n`],
    ['code/train.py', `# ${folder}\n${'for batch in loader:\n    step(batch)\n'.repeat(40)}`],
    ...Array.from({ length: 4 }, (_, at): [string, Uint8Array] => [`media/curve_${at}.png`, pictureOf(`${number} ${at}`)]),
  ]
}

function eventsOf(folder: string, step: number, count: number): string {
  return linesOf(count, (at) => JSON.stringify({ step: step + at, loss: noise(folder, step + at), time: 1_704_060_000 + step + at }))
}

function logOf(folder: string, step: number, count: number): string {
  return linesOf(count, (at) => `step ${step + at} of ${folder}: loss ${noise(folder, step + at).toFixed(6)}`)
}

function linesOf(count: number, line: (at: number) => string): string {
  return Array.from({ length: count }, (_, at) => `${line(at)}\n`).join('')
}

/** In [0, 1). */
function noise(folder: string, step: number): number {
  let state = step * 2_654_435_761
  for (const letter of folder) state = Math.imul(state ^ letter.charCodeAt(0), 16_777_619)
  return ((state ^ (state >>> 15)) >>> 0) / 2 ** 32
}

function pictureOf(name: string): Uint8Array {
  const key = createHash('sha256').update(name).digest()
  return createCipheriv('aes-256-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(pictureBytes))
}

function hashOf(number: number): string {
  return createHash('sha256').update(String(number)).digest('hex')
}

function json(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`
}

function two(number: number): string {
  return String(number).padStart(2, '0')
}
