/** Of the pages for people: light and dark, from 360 px on. */
export const style = `
:root { color-scheme: light dark; --page: #fff; --text: #1c2128; --dim: #5b6470; --line: #d8dde3; --soft: #f4f6f8; --link: #0a58ca; --warn: #9a3412 }
@media (prefers-color-scheme: dark) { :root { --page: #14171b; --text: #e5e9ee; --dim: #9aa5b1; --line: #343b44; --soft: #1d2228; --link: #7cb2ff; --warn: #fdba74 } }
* { box-sizing: border-box }
body { margin: 0; background: var(--page); color: var(--text); font: 16px/1.5 system-ui, sans-serif }
main { max-width: 56rem; margin: 0 auto; padding: 1.5rem 1rem 4rem }
h1 { margin: 0; font-size: 1.5rem; line-height: 1.25; overflow-wrap: anywhere }
a { color: var(--link) }
code, .version { font-family: ui-monospace, monospace; font-size: .875rem }
.facts { color: var(--dim); font-size: .875rem; margin: .25rem 0 1rem }
.facts span + span::before { content: "\\00b7"; margin: 0 .4rem 0 .1rem }
.line { display: flex; gap: .5rem; align-items: center; background: var(--soft); border: 1px solid var(--line); border-radius: .5rem; padding: .625rem .75rem }
.line code { flex: 1; min-width: 0; overflow-wrap: anywhere }
button { font: inherit; font-size: .8125rem; color: var(--text); background: var(--page); border: 1px solid var(--line); border-radius: .375rem; padding: .2rem .6rem; cursor: pointer; white-space: nowrap }
button:hover { border-color: var(--dim) }
:focus-visible { outline: 2px solid var(--link); outline-offset: 2px }
.search { display: block; margin: 1.25rem 0 .25rem; color: var(--dim); font-size: .875rem }
input { display: block; width: 100%; margin-top: .25rem; font: inherit; color: var(--text); background: var(--page); border: 1px solid var(--line); border-radius: .5rem; padding: .5rem .75rem }
#found { min-height: 1.5rem; margin: 0 0 .25rem; color: var(--dim); font-size: .875rem }
ul { list-style: none; margin: 0; padding: 0 }
#list { border-top: 1px solid var(--line) }
#list > li { border-bottom: 1px solid var(--line); overflow-wrap: anywhere }
#list > li:not(:has(details)), summary { display: grid; grid-template-columns: minmax(0, 1fr) auto; align-items: baseline; gap: 0 .5rem; padding: .5rem .25rem }
summary { grid-template-columns: 1rem minmax(0, 1fr) auto }
@media (max-width: 30rem) { #list > li:not(:has(details)) { grid-template-columns: minmax(0, 1fr) } summary { grid-template-columns: 1rem minmax(0, 1fr) } summary .facts { grid-column: 2 } }
summary { cursor: pointer; list-style: none }
summary::-webkit-details-marker { display: none }
summary::before { content: "\\25b8"; color: var(--dim) }
[open] > summary::before { content: "\\25be" }
summary a { justify-self: start }
summary:hover { background: var(--soft) }
#list .facts { margin: 0 }
.versions { padding: 0 .25rem .5rem 1.25rem }
.versions > li { display: grid; grid-template-columns: minmax(0, 1fr) auto; gap: 0 .75rem; align-items: center; padding: .375rem 0; border-top: 1px dashed var(--line) }
.versions .facts { grid-column: 1 }
.versions button { grid-row: 1 / span 2; grid-column: 2 }
button.version { white-space: normal; overflow-wrap: anywhere; text-align: left }
.yanked { color: var(--warn) }
.yanked .version { text-decoration: line-through }
.files { grid-column: 1 / -1; padding: .25rem 0 .25rem 1rem; font-size: .875rem }
.note { padding: .25rem 1rem .75rem; margin: 0; color: var(--dim) }
[hidden] { display: none !important }
`
