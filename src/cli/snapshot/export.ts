import { Writable } from 'node:stream'
import { finished } from 'node:stream/promises'
import path from 'node:path'
import { type Command, Option } from 'commander'
import { Fault, formatBytes } from '../../kit/index.ts'
import { exportFormats, type ExportFormat, exportSnapshot } from '../../snapshots/index.ts'
import type { Call, Cli } from '../command.ts'
import type { Sink } from '../host.ts'
import type { Outcome } from '../output.ts'
import { printable } from '../width.ts'
import { countText } from '../words.ts'
import { choosePlace, placeArgument } from './choose.ts'
import { snapshotText } from './text.ts'

interface ExportFlags {
  readonly format: ExportFormat
  readonly output?: string
}

export function addExportCommand(snapshot: Command, cli: Cli): void {
  cli.add<ExportFlags>(snapshot, {
    name: 'export',
    summary: 'Write a snapshot, or a part of it, as an archive: the same bytes each time',
    args: [placeArgument, ['[path]', 'the same as :PATH after the snapshot']],
    options: [
      new Option('--format <format>', 'what kind of archive').choices(exportFormats).makeOptionMandatory(),
      new Option('--output <file>', 'the file, which appears when it is whole (default: stdout)'),
    ],
    examples: [
      ['holdfast snapshot export latest --format tar.zst --output env.tar.zst', 'all of it'],
      ['holdfast snapshot export latest:node-1 --format tar | ssh host tar -x -C /srv/node-1', 'a part, to another machine'],
    ],
    run: exportArchive,
  })
}

async function exportArchive(call: Call<ExportFlags>): Promise<Outcome> {
  const { options, host } = call
  const { format, output } = options
  if (output === undefined && options.json === true)
    throw new Fault('invalid', 'stdout cannot have both the archive and the JSON document', { hint: 'add --output FILE' })
  if (output === undefined && host.stdout.isTty)
    throw new Fault('invalid', 'an archive is nothing for a terminal', { hint: 'add --output FILE, or a pipe' })
  const { context, snapshot, placed } = await choosePlace(call, call.args[0], call.args[1])
  const to = output === undefined ? { stream: streamInto(host.stdout) } : { file: path.resolve(host.cwd, output) }
  const { bytes, members, losses } = await exportSnapshot(context, { snapshot, path: placed.path, format, to })
  if ('stream' in to) await finished(to.stream.end())
  for (const { what, count } of losses) call.report({ kind: 'note', level: 'warning', text: `${format} cannot hold all: ${count} ${what}` })
  return {
    result: { snapshot: snapshot.id, format, output, bytes, members, losses },
    text:
      output === undefined
        ? ''
        : printable(`${output}: ${formatBytes(bytes)}, ${countText(members, 'member')} of ${snapshotText(snapshot)}`),
  }
}

function streamInto(sink: Sink): Writable {
  const give = async (chunk: Buffer, done: (error: Error | null) => void) => {
    done((await sink.writeBytes(chunk)) ? null : new Error('it was closed'))
  }
  return new Writable({
    write(chunk: Buffer, _encoding, done) {
      void give(chunk, done)
    },
  })
}
