import { hostname } from 'node:os'
import type { Command } from 'commander'
import type { Config } from '../config/index.ts'
import { messageOf, type Notifier, type Target, testNotice } from '../daemon/index.ts'
import { asFault, Fault, faultToJson } from '../kit/index.ts'
import type { Call, Cli } from './command.ts'
import { openNotifiers } from './notify/open.ts'
import { listText, targetToJson, toldTargets, whereText } from './notify/text.ts'
import type { Outcome } from './output.ts'
import { printable } from './width.ts'
import { countText, tookText } from './words.ts'

/** `holdfast notify …`: who is told when jobs fail and are well again. */
export function addNotifyCommands(notify: Command, cli: Cli): void {
  cli.add(notify, {
    name: 'list',
    summary: 'Show who is told of what, when they were told last, and who cannot be told now',
    examples: [['holdfast notify list', 'each [[notify]] of holdfast.toml']],
    run: async (call) => {
      const { notify: targets } = await call.config()
      const told = targets.length === 0 ? [] : toldTargets(targets, await (await (await call.wire()).queue()).targets())
      return { result: { targets: told.map(targetToJson) }, text: listText(told, call) }
    },
  })
  cli.add(notify, {
    name: 'test',
    args: [['[name]', 'who is told; without it, all']],
    summary: 'Tell each target, or one of them, that this is a test',
    writes: true,
    examples: [
      ['holdfast notify test', 'whether what is configured gets where it should'],
      ['holdfast notify test slack', 'one of them'],
    ],
    run: test,
  })
}

async function test(call: Call<object>): Promise<Outcome> {
  const { host, options } = call
  const notifiers = openNotifiers(call, { notify: chosen(await call.config(), call.args[0]) })
  const notice = testNotice(hostname(), host.clock.now(), `${host.random()}`)
  if (options.dryRun === true) {
    const lines = notifiers.map(({ target }) => `${target.name} (${whereText(target)}) would be told: ${messageOf(notice).title}`)
    return { result: { dryRun: true, targets: notifiers.map(({ target }) => ({ name: target.name })) }, text: printable(lines.join('\n')) }
  }
  const tried = await Promise.all(notifiers.map((notifier) => tryOne(call, notifier, notice)))
  const failed = tried.flatMap(({ fault }) => fault ?? [])
  if (tried.length === 1 && failed[0] !== undefined) throw failed[0]
  return {
    result: { targets: tried.map(({ fault, ...told }) => ({ ...told, fault: fault && faultToJson(fault) })) },
    text: tried.flatMap(({ fault, name, ms }) => (fault === undefined ? [`${name} was told in ${tookText(ms)}`] : [])).join('\n'),
    incomplete: failed.length === 0 ? undefined : incompleteOf(tried),
  }
}

interface Tried {
  readonly name: string
  readonly ms: number
  readonly remark: string | undefined
  readonly fault: Fault | undefined
}

async function tryOne(
  { host, signal, report }: Call<object>,
  { target, send }: Notifier,
  notice: Parameters<Notifier['send']>[0],
): Promise<Tried> {
  const { name } = target
  const begun = host.clock.now()
  const took = () => host.clock.now() - begun
  try {
    const remark = await send(notice, signal)
    if (remark !== undefined) report({ kind: 'note', level: 'warning', text: `${name}: ${remark}` })
    return { name, ms: took(), remark, fault: undefined }
  } catch (error) {
    return { name, ms: took(), remark: undefined, fault: asFault(error) }
  }
}

function incompleteOf(tried: readonly Tried[]): Fault {
  const failed = tried.flatMap(({ name, fault }) => (fault === undefined ? [] : [`${name}: ${fault.message}`]))
  return new Fault(
    'partial',
    `${countText(failed.length, 'target')} of ${tried.length} could not be told:\n${failed.map((text) => `  ${text}`).join('\n')}`,
    {
      hint: 'holdfast notify test NAME says more of one',
    },
  )
}

function chosen({ notify, file }: Config, name: string | undefined): readonly Target[] {
  if (notify.length === 0)
    throw new Fault('nothing-to-do', 'nobody is configured who could be told', { at: file, hint: 'write a [[notify]] into holdfast.toml' })
  const found = name === undefined ? notify : notify.filter((target) => target.name === name)
  if (found.length > 0) return found
  throw new Fault('invalid', `there is nobody called ${JSON.stringify(name)}`, {
    at: file,
    hint: `choose one of: ${notify.map((target) => target.name).join(', ')}`,
  })
}
