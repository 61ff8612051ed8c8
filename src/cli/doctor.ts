import path from 'node:path'
import { type Command, Option } from 'commander'
import type { Config } from '../config/index.ts'
import { explain } from '../kit/index.ts'
import type { Call, Cli } from './command.ts'
import type { Inside } from './daemon/in-process.ts'
import { type Finding, findingsText } from './doctor/finding.ts'
import { checkFolder, checkNode, checkTools } from './doctor/machine.ts'

interface DoctorOptions {
  readonly full?: boolean
}

const neededNode = '24.15'

export function addDoctorCommand(program: Command, cli: Cli, inside: Inside): void {
  cli.add<DoctorOptions>(program, {
    name: 'doctor',
    summary: 'Check Node, tools, configuration, stores, credentials and clock',
    more: 'It writes small objects under doctor/ into each store and deletes them again. It exits with 1 where it found a problem.',
    options: [new Option('--full', 'hold each store to the whole conformance suite (minutes, thousands of requests)')],
    examples: [
      ['holdfast doctor', 'what the configuration names'],
      ['holdfast doctor --store s3://bucket/prefix --full', 'a store before it is used'],
    ],
    run: async (call) => {
      const findings = await examine(call, inside)
      return {
        result: { findings },
        text: findingsText(findings, call.paint, call.width),
        differs: findings.some(({ level }) => level === 'problem'),
      }
    },
  })
}

async function examine(call: Call<DoctorOptions>, inside: Inside): Promise<Finding[]> {
  const { host, options } = call
  const { config, findings: aboutConfig } = await checkConfig(call)
  const findings = [checkNode(process.versions.node, neededNode), ...(await checkTools(config, host.env, call.signal)), ...aboutConfig]
  if (config === undefined) return findings
  const wire = await call.wire()
  findings.push(
    await checkFolder('state folder', wire.stateDir, host.random),
    await checkFolder('cache folder', wire.cacheRoot, host.random),
  )
  const { checkStore } = await import('./doctor/store.ts')
  const places = new Map([[config.store.url, true]])
  if (options.store === undefined)
    for (const { publish } of Object.values(config.release))
      if (publish !== undefined && !places.has(publish.url)) places.set(publish.url, false)
  for (const [url, carriesRefs] of places)
    findings.push(...(await checkStore(call, wire, { url, carriesRefs, full: options.full === true })))
  if (config.jobs.length > 0 || config.queue !== undefined)
    findings.push(...(await (await import('./doctor/jobs.ts')).checkDaemon(call, config, inside)))
  return findings
}

async function checkConfig(call: Call<DoctorOptions>): Promise<{ config: Config | undefined; findings: Finding[] }> {
  const area = 'configuration'
  try {
    const config = await call.config()
    const products = Object.keys(config.release)
    const shown = config.file === undefined ? undefined : path.relative(call.host.cwd, config.file)
    return {
      config,
      findings: [
        shown === undefined
          ? { area, about: 'file', level: 'warning', says: 'no holdfast.toml here or above; defaults are used', fix: 'holdfast init' }
          : { area, about: 'file', level: 'ok', says: `${shown}: ${products.length === 0 ? 'no products yet' : products.join(', ')}` },
        ...config.notes.map((note): Finding => ({ area, about: 'variable', level: 'warning', says: note, fix: 'correct or unset it' })),
      ],
    }
  } catch (error) {
    return {
      config: undefined,
      findings: [{ area, about: 'file', level: 'problem', says: explain(error), fix: 'correct it; stores are checked after that' }],
    }
  }
}
