import { stat } from 'node:fs/promises'
import { homedir, userInfo } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Command, Option } from 'commander'
import type { Config } from '../config/index.ts'
import { Fault, run } from '../kit/index.ts'
import type { Call, Cli } from './command.ts'
import type { Outcome } from './output.ts'
import { type ServiceOptions, servicesOwnFolders, serviceUnit } from './systemd/service.ts'
import { writeUnits } from './systemd/write-units.ts'

interface SystemdFlags {
  readonly user?: boolean
  readonly worker?: boolean
  readonly serve?: boolean
  readonly runAs?: string
}

interface InstallFlags extends SystemdFlags {
  readonly force?: boolean
  readonly unitsDir?: string
}

/** `holdfast systemd …`: the daemon, a worker or the server as a service. */
export function addSystemdCommands(systemd: Command, cli: Cli): void {
  cli.add<SystemdFlags>(systemd, {
    name: 'print',
    summary: 'Print the unit that systemd would run the daemon, a worker or the server with',
    options: unitOptions(),
    examples: [
      ['holdfast systemd print', 'for the machine'],
      ['holdfast systemd print --user --worker', 'a worker, for your own systemd'],
      ['holdfast systemd print --serve', 'the server'],
    ],
    run: async (call) => {
      const unit = await unitOf(call)
      return { result: { units: [unit] }, text: `# ${unit.name}\n${unit.text.trimEnd()}` }
    },
  })
  cli.add<InstallFlags>(systemd, {
    name: 'install',
    summary: 'Write the unit, and enable and start it',
    options: [
      ...unitOptions(),
      new Option('--force', 'overwrite a unit that is there and differs'),
      new Option('--units-dir <folder>', 'write it there and enable nothing, as for an image'),
    ],
    writes: true,
    examples: [
      ['holdfast systemd install --user', 'for your own systemd'],
      ['sudo holdfast systemd install --run-as holdfast', 'for the machine'],
    ],
    run: install,
  })
}

function unitOptions(): Option[] {
  return [
    new Option('--user', 'for your own systemd, not the machine’s'),
    new Option('--worker', 'a worker in place of the daemon'),
    new Option('--serve', 'the server in place of the daemon').conflicts('worker'),
    new Option('--run-as <name>', 'who runs it on the machine’s systemd (default: you)'),
  ]
}

async function unitOf(call: Call<SystemdFlags>): Promise<{ name: string; text: string }> {
  const { options } = call
  const config = await call.config()
  const { file, root, daemon, env, jobs, queue, serve } = config
  if (file === undefined)
    throw new Fault('invalid', 'a service needs a configuration to run by', { hint: 'run `holdfast init`, or name one with --config' })
  const kind = kindOf(options)
  if (kind === 'worker' && queue === undefined)
    call.report({
      kind: 'note',
      level: 'warning',
      text: 'no `queue` is configured here: put HOLDFAST_QUEUE_URL into the environment file of the unit',
    })
  return serviceUnit({
    kind,
    command: [process.execPath, path.resolve(process.argv[1]!)],
    root,
    config: path.resolve(file),
    isUsers: options.user === true,
    user: options.runAs ?? userInfo().username,
    grace: kind === 'serve' ? 0 : daemon.grace,
    mounts: Object.keys(env).length > 0 && (kind !== 'daemon' || jobs.some(({ words }) => words[0] === 'env')),
    ...(kind === 'serve' ? { port: serve.port, places: await placesOf(config) } : {}),
  })
}

function kindOf({ worker, serve }: SystemdFlags): ServiceOptions['kind'] {
  if (serve === true) return 'serve'
  return worker === true ? 'worker' : 'daemon'
}

/** Where the server's actions write: the project itself, with its metadata, and what lies in folders elsewhere. */
async function placesOf({ root, store, release, index }: Config): Promise<string[]> {
  const releases = Object.values(release)
  const environments = [index, ...Object.values(index?.env ?? {})]
  const urls = [store.url, ...releases.map(({ publish }) => publish?.url), ...environments.map((each) => each?.bucket)]
  const folders = urls.flatMap((url) => (url?.startsWith('file:///') === true ? [fileURLToPath(url)] : []))
  const metadata = releases.flatMap((each) => each.metadata ?? [])
  const outside = [...folders, ...metadata].filter((folder) => path.relative(root, folder).startsWith('..'))
  return [...new Set([root, ...(await Promise.all(outside.map(standing)))])]
}

/** The folder, or the nearest one above it that is there: systemd can let through only what is there when the service starts. */
async function standing(folder: string): Promise<string> {
  for (let at = folder; at !== path.dirname(at); at = path.dirname(at)) {
    const isThere = await stat(at).then(
      () => true,
      () => false,
    )
    if (isThere) return at
  }
  return folder
}

async function install(call: Call<InstallFlags>): Promise<Outcome> {
  const { options, host } = call
  const unit = await unitOf(call)
  const usual =
    options.user === true
      ? path.join(host.env['XDG_CONFIG_HOME'] || path.join(host.env['HOME'] || homedir(), '.config'), 'systemd/user')
      : '/etc/systemd/system'
  const folder = options.unitsDir === undefined ? usual : path.resolve(host.cwd, options.unitsDir)
  const file = path.join(folder, unit.name)
  const result = { units: [unit], folder, written: options.dryRun !== true, enabled: options.dryRun !== true && folder === usual }
  if (options.dryRun === true) return { result, text: `would write ${file}${folder === usual ? ' and start it' : ''}` }
  const flags = (['user', 'worker', 'serve'] as const).filter((flag) => options[flag] === true).map((flag) => `--${flag}`)
  await writeUnits(folder, [unit], { isForced: options.force === true, comparing: ['holdfast systemd print', ...flags].join(' ') })
  const systemctl = ['systemctl', ...(options.user === true ? ['--user'] : [])]
  if (folder === usual) await enable(call, systemctl, unit.name)
  const next =
    folder === usual
      ? [`enabled and started ${unit.name}`, ...howToLook(options, unit.name)]
      : [`enable it there: ${systemctl.join(' ')} enable --now ${unit.name}`]
  return { result, text: [`wrote ${file}`, ...next].join('\n') }
}

/** A service of the machine keeps its state where a command of its user would not look. */
function howToLook({ user: isUsers = false, runAs = userInfo().username, serve = false }: InstallFlags, name: string): string[] {
  const command = `holdfast ${serve ? 'token create NAME --scope SCOPE' : 'jobs list'}`
  const journal = `what it says: journalctl ${isUsers ? '--user ' : ''}-u ${name} -f`
  return isUsers ? [journal] : [journal, `as it sees its state: sudo -u ${runAs} env ${servicesOwnFolders} ${command}`]
}

async function enable({ signal, host }: Call<object>, systemctl: readonly string[], name: string): Promise<void> {
  for (const words of [['daemon-reload'], ['enable', name], ['restart', name]]) {
    const [program, ...before] = systemctl
    const { status, tail } = await run([program!, ...before, ...words], { signal, env: { ...host.env } })
    if (status === 0) continue
    throw new Fault('unavailable', `systemctl ${words.join(' ')} ended with ${status}: ${tail.join(' ').trim()}`, {
      hint: `the unit is written; see why systemd refuses, then: ${systemctl.join(' ')} enable --now ${name}`,
    })
  }
}
