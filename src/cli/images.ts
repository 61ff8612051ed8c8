import type { Command } from 'commander'
import type { Cli } from './command.ts'
import { addCleanCommand } from './images/clean.ts'
import { addCopyCommand } from './images/copy.ts'
import { addDeleteCommand } from './images/delete.ts'
import { addDiffCommand } from './images/diff.ts'
import { addDownloadCommand } from './images/download.ts'
import { addGitlabListCommand } from './images/gitlab-list.ts'
import { addIndexCommand } from './images/index-create.ts'
import { addInspectCommand } from './images/inspect.ts'
import { addPrepareCommand } from './images/prepare.ts'
import { addTagsCommand } from './images/tags.ts'
import { addXrefCommand } from './images/xref.ts'

/** `holdfast images …`: container images, from the builds of a workflow to a registry, and between registries. */
export function addImagesCommands(images: Command, cli: Cli): void {
  images.commandsGroup('From GitHub to the registry:')
  addGitlabListCommand(images, cli)
  addXrefCommand(images, cli)
  images.commandsGroup('Step by step:')
  addDownloadCommand(images, cli)
  addPrepareCommand(images, cli)
  addCleanCommand(images, cli)
  images.commandsGroup('Any images:')
  addCopyCommand(images, cli)
  addInspectCommand(images, cli)
  addTagsCommand(images, cli)
  addDiffCommand(images, cli)
  addDeleteCommand(images, cli)
  addIndexCommand(images, cli)
}
