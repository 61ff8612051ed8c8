import path from 'node:path'
import { Option, type Command } from 'commander'
import { configTemplate } from '../config/index.ts'
import { Fault, readSmallFile, replaceFile } from '../kit/index.ts'
import type { Cli } from './command.ts'

interface InitOptions {
  readonly force?: boolean
}

export function addInitCommand(program: Command, cli: Cli): void {
  cli.add<InitOptions>(program, {
    name: 'init',
    summary: 'Write a commented holdfast.toml into this folder',
    options: [new Option('--force', 'replace the file that is there')],
    writes: true,
    examples: [
      ['holdfast init', 'a first configuration, with every key explained'],
      ['holdfast init --force', 'start over'],
    ],
    run: async ({ options, host, paint }) => {
      const file = path.resolve(host.cwd, options.config ?? 'holdfast.toml')
      const present = await readSmallFile(file)
      if (present !== undefined && options.force !== true) {
        throw new Fault('already-exists', 'the file is there already', { at: file, hint: 'edit it, or use --force to replace it' })
      }
      const shown = path.relative(host.cwd, file) || file
      const result = { file, replaced: present !== undefined, written: options.dryRun !== true }
      if (options.dryRun === true) return { result, text: `would write ${shown}` }
      await replaceFile(file, configTemplate())
      const steps = [
        `wrote ${paint.bold(shown)}`,
        '',
        'Next:',
        `  1. say in ${shown} what your build makes, under [release.NAME]`,
        '  2. holdfast doctor           checks tools, configuration and stores',
        '  3. holdfast release create   makes the first release',
      ]
      return { result, text: steps.join('\n') }
    },
  })
}
