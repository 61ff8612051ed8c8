import type { ComponentChildren } from 'preact'

export interface Leaf {
  readonly path: string
  readonly change: 'added' | 'changed' | 'removed'
  readonly text: ComponentChildren
}

interface Folder {
  readonly folders: Map<string, Folder>
  readonly leaves: Leaf[]
  count: number
}

/** Children of a folder that are drawn; the rest is counted. */
const mostDrawn = 500

/** Paths that differ, as the folders that they lie in. */
export function Tree({ leaves }: { readonly leaves: readonly Leaf[] }) {
  const root = emptyFolder()
  for (const leaf of leaves) insert(root, leaf)
  return (
    <div class="tree">
      <FolderShown of={root} />
    </div>
  )
}

function FolderShown({ of: { folders, leaves } }: { readonly of: Folder }) {
  const left = leaves.length - mostDrawn
  return (
    <ul>
      {[...folders].slice(0, mostDrawn).map(([name, folder]) => (
        <li key={name}>
          <details open={folder.count <= 50}>
            <summary>
              {name}/ <span class="faint">{folder.count}</span>
            </summary>
            <FolderShown of={folder} />
          </details>
        </li>
      ))}
      {leaves.slice(0, mostDrawn).map(({ path, change, text }) => (
        <li key={path} class={change}>
          <span class="sign" title={change}>
            {change === 'added' ? '+' : change === 'removed' ? '−' : '~'}
          </span>
          <span class="unseen">{change} </span>
          {path.split('/').at(-1)} <span class="faint">{text}</span>
        </li>
      ))}
      {left > 0 && <li class="faint">and {left} more</li>}
    </ul>
  )
}

function insert(root: Folder, leaf: Leaf): void {
  let folder = root
  for (const name of leaf.path.split('/').slice(0, -1)) {
    folder.count += 1
    const next = folder.folders.get(name) ?? emptyFolder()
    folder.folders.set(name, next)
    folder = next
  }
  folder.count += 1
  folder.leaves.push(leaf)
}

function emptyFolder(): Folder {
  return { folders: new Map(), leaves: [], count: 0 }
}
