import { place, setQuery } from '../shell/place.ts'
import { countText } from './words.ts'

export interface Leaf {
  readonly path: string
  readonly change: 'added' | 'changed' | 'removed'
  readonly text: string
}

interface Folder {
  /** What is different of itself. */
  own: Leaf | undefined
  readonly folders: Map<string, Folder>
  readonly leaves: Leaf[]
  count: number
}

/** Children of a folder that are drawn; the rest is counted. */
const mostDrawn = 500

/** Paths that differ, as the folders that they lie in: all of them, or those of one kind of change. */
export function Tree({ leaves }: { readonly leaves: readonly Leaf[] }) {
  const only = place.value.query.get('only')
  const shown = only === undefined ? leaves : leaves.filter(({ change }) => change === only)
  const root = emptyFolder()
  for (const leaf of shown) insert(root, leaf)
  settle(root)
  return (
    <>
      <div class="tabs">
        <button type="button" aria-pressed={only === undefined} onClick={() => setQuery({ only: undefined })}>
          all <span class="count">{countText(leaves.length)}</span>
        </button>
        {changes.map((change) => (
          <button key={change} type="button" aria-pressed={only === change} onClick={() => setQuery({ only: change })}>
            {change} <span class="count">{countText(leaves.filter((leaf) => leaf.change === change).length)}</span>
          </button>
        ))}
      </div>
      {shown.length === 0 ? (
        <p class="faint">Nothing was {only}.</p>
      ) : (
        <div class="tree">
          <FolderShown of={root} />
        </div>
      )}
    </>
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
              {folder.own !== undefined && <Sign change={folder.own.change} />}
              {name}/ <span class="faint">{folder.own === undefined ? folder.count : [folder.own.text, folder.count].join(', ')}</span>
            </summary>
            <FolderShown of={folder} />
          </details>
        </li>
      ))}
      {leaves.slice(0, mostDrawn).map(({ path, change, text }) => (
        <li key={path}>
          <Sign change={change} />
          {path.split('/').at(-1)} <span class="faint">{text}</span>
        </li>
      ))}
      {left > 0 && <li class="faint">and {left} more</li>}
    </ul>
  )
}

const changes = ['added', 'changed', 'removed'] as const

const signs = { added: '+', changed: '~', removed: '−' } as const

function Sign({ change }: Pick<Leaf, 'change'>) {
  return (
    <>
      <span class={`sign ${change}`} title={change} aria-hidden="true">
        {signs[change]}
      </span>
      <span class="unseen">{change} </span>
    </>
  )
}

/** Folders that differ themselves are told with what is in them. */
function settle({ folders, leaves }: Folder): void {
  for (const [name, folder] of folders) {
    const at = leaves.findIndex(({ path }) => path.split('/').at(-1) === name)
    if (at !== -1) [folder.own] = leaves.splice(at, 1)
    settle(folder)
  }
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
  return { own: undefined, folders: new Map(), leaves: [], count: 0 }
}
