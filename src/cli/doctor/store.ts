import { rm, rmdir } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { bytesOf, diskFault, errno, formatDuration, isFault } from '../../kit/index.ts'
import { deletePrefix, type ObjectStore, proveConditionalPuts, readAll } from '../../store/index.ts'
import { runConformance } from '../../store/conformance/index.ts'
import type { Wire } from '../../wire/index.ts'
import type { Call } from '../command.ts'
import { failed, type Finding } from './finding.ts'

export interface StoreToCheck {
  readonly url: string
  /** Names move in it, which takes conditional writes that hold. */
  readonly carriesRefs: boolean
  readonly full: boolean
}

/** Milliseconds: how far a store's clock may be from ours before prune and signatures suffer. */
const skew = { warning: 10_000, problem: 60_000 }

/** Reads, writes, races and, if asked, the whole suite, all under a prefix of its own that is deleted at the end. */
export async function checkStore(call: Call<object>, wire: Wire, { url, carriesRefs, full }: StoreToCheck): Promise<Finding[]> {
  let store: ObjectStore
  try {
    store = await wire.openStore(url)
  } catch (error) {
    return [failed(url, 'open', error)]
  }
  const prefix = `doctor/${Math.floor(call.host.random() * 2 ** 48).toString(16)}/`
  const area = `${carriesRefs ? 'store' : 'published'} ${store.name}`
  const findings: Finding[] = [...credentialsFinding(area, url, call.host.env, wire)]
  try {
    findings.push(...(await checkReadWrite(store, area, prefix, call)))
    if (findings.some(({ level }) => level === 'problem')) return findings
    if (carriesRefs) findings.push(await checkConditions(store, area, `${prefix}race/`, call))
    if (full) findings.push(...(await checkConformance(call, wire, url, area, `${prefix}suite/`)))
  } finally {
    // Also after Ctrl-C: what was written is taken away again, so the signal is not passed on.
    await cleanUp(store, url, prefix).catch((error: unknown) => findings.push(failed(area, 'clean-up', error)))
  }
  return findings
}

async function cleanUp(store: ObjectStore, url: string, prefix: string): Promise<void> {
  await deletePrefix(store, prefix)
  if (!url.startsWith('file:')) return
  // A folder keeps a mark for each key that was raced for. These keys were ours alone, and nobody will ask for them again.
  const folder = path.join(fileURLToPath(url), prefix)
  await rm(folder, { recursive: true, force: true }).catch((error: unknown) => {
    // Nothing could be written there, so nothing is left there.
    if (errno(error) !== 'ENOTDIR') throw diskFault(error, folder, 'remove the folder')
  })
  await rmdir(path.dirname(folder)).catch(() => undefined)
}

/** Where the keys would come from. They are never shown. */
function credentialsFinding(area: string, url: string, env: Readonly<Record<string, string | undefined>>, wire: Wire): Finding[] {
  if (!url.startsWith('s3:')) return []
  const { profile } = wire.config.store.s3
  const source =
    profile !== undefined
      ? `profile ${profile} of the AWS files`
      : env['AWS_ACCESS_KEY_ID'] !== undefined
        ? 'AWS_ACCESS_KEY_ID in the environment'
        : env['AWS_PROFILE'] !== undefined
          ? `profile ${env['AWS_PROFILE']} (AWS_PROFILE)`
          : 'the AWS files or this machine’s role'
  return [{ area, about: 'credentials', level: 'ok', says: `from ${source}` }]
}

async function checkReadWrite(store: ObjectStore, area: string, prefix: string, { host, signal }: Call<object>): Promise<Finding[]> {
  const findings: Finding[] = []
  const key = `${prefix}probe`
  const content = `holdfast doctor ${prefix}`
  try {
    for await (const _ of store.list(prefix, { signal })) break
    findings.push({ area, about: 'reach', level: 'ok', says: 'it can be listed' })
  } catch (error) {
    return [failed(area, 'reach', error)]
  }
  try {
    const before = host.clock.now()
    const { modified } = await store.put(key, bytesOf(content), { signal })
    findings.push(
      { area, about: 'write', level: 'ok', says: 'a small object was written' },
      clockFinding(area, modified, before, host.clock.now()),
    )
    const { bytes } = await readAll(store, key, { limit: 1024, signal })
    const isSame = new TextDecoder().decode(bytes) === content
    findings.push(
      isSame
        ? { area, about: 'read', level: 'ok', says: 'it came back byte for byte' }
        : {
            area,
            about: 'read',
            level: 'problem',
            says: 'other bytes came back than were written',
            fix: 'do not use this store; look for a cache or proxy in between',
          },
    )
    await store.delete(key, { signal })
    const isGone = (await store.head(key, { signal })) === undefined
    findings.push(
      isGone
        ? { area, about: 'delete', level: 'ok', says: 'it is gone again' }
        : {
            area,
            about: 'delete',
            level: 'problem',
            says: 'it is still there after it was deleted',
            fix: 'do not use this store; look for a cache or proxy in between',
          },
    )
  } catch (error) {
    findings.push(failed(area, 'read and write', error))
  }
  return findings
}

/** The store's time lies between two looks at ours, give or take the whole seconds that some servers keep. */
function clockFinding(area: string, modified: number, before: number, after: number): Finding {
  const off = modified < before - 1000 ? before - modified : modified > after + 1000 ? modified - after : 0
  const level = off >= skew.problem ? 'problem' : off >= skew.warning ? 'warning' : 'ok'
  const says = off === 0 ? 'agrees with this machine' : `${formatDuration(off)} ${modified < before ? 'behind' : 'ahead of'} this machine`
  return { area, about: 'clock', level, says, fix: 'let NTP set the clock of this machine, or of the server' }
}

async function checkConditions(store: ObjectStore, area: string, prefix: string, { host, signal }: Call<object>): Promise<Finding> {
  const about = 'conditional write'
  try {
    const proof = await proveConditionalPuts(store, { prefix, random: host.random, signal })
    return proof.holds
      ? { area, about, level: 'ok', says: proof.why }
      : {
          area,
          about,
          level: 'problem',
          says: proof.why,
          fix: 'this place cannot carry releases; use another store and keep this one for what is published',
        }
  } catch (error) {
    if (isFault(error, 'aborted')) throw error
    return failed(area, about, error)
  }
}

async function checkConformance(call: Call<object>, wire: Wire, url: string, area: string, prefix: string): Promise<Finding[]> {
  const { host, report, signal } = call
  const findings: Finding[] = []
  const count = { passed: 0, skipped: 0 }
  const task = 'conformance'
  report({ kind: 'begin', task })
  for await (const { name, outcome, error } of runConformance({
    open: () => wire.openFresh(url),
    prefix,
    random: host.random,
    scale: 'full',
    signal,
    large: false,
  })) {
    report({ kind: 'advance', task, items: 1 })
    if (outcome === 'failed') findings.push({ ...failed(area, 'conformance', error), says: `${name}: ${failed(area, '', error).says}` })
    else count[outcome]++
  }
  report({ kind: 'end', task })
  const skipped = count.skipped === 0 ? '' : `, ${count.skipped} that it says it cannot`
  return [...findings, { area, about: 'conformance', level: 'ok', says: `${count.passed} cases passed${skipped}` }]
}
