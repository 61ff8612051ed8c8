/**
 * Of the pages for people. Without it the page lists its projects and links them; with it there is a search, lines to copy, and the versions
 * of a project, read from its own page when it is opened. Text from the index becomes text nodes, never markup.
 */
export const script = `'use strict';
(() => {
  const make = (tag, props, ...children) => {
    const node = Object.assign(document.createElement(tag), props);
    node.append(...children.filter((child) => child !== undefined));
    return node;
  };
  const here = new URL('.', location.href).href;
  const list = document.getElementById('list');
  const rows = [...list.children].map((row) => ({ row, name: row.querySelector('a').textContent.toLowerCase() }));

  const search = document.getElementById('search');
  const found = document.getElementById('found');
  const filter = () => {
    const wanted = search.value.trim().toLowerCase();
    const spelt = wanted.replace(/[-_.]+/g, '-');
    let shown = 0;
    for (const { row, name } of rows) {
      row.hidden = !name.includes(wanted) && !name.includes(spelt);
      if (!row.hidden) shown++;
    }
    found.textContent = wanted === '' ? '' : shown + ' of ' + rows.length;
  };
  search.addEventListener('input', filter);
  document.addEventListener('keydown', (event) => {
    if (event.key !== '/' || event.target === search) return;
    event.preventDefault();
    search.focus();
  });
  filter();

  const copyButton = (text) => {
    const button = make('button', { type: 'button', textContent: 'Copy', ariaLabel: 'Copy ' + text });
    button.addEventListener('click', async () => {
      try {
        await navigator.clipboard.writeText(text);
        button.textContent = 'Copied';
      } catch {
        // Browsers forbid it to pages that came over plain HTTP.
        const field = make('textarea', { value: text });
        document.body.append(field);
        field.select();
        button.textContent = document.execCommand('copy') ? 'Copied' : 'Not allowed';
        field.remove();
      }
      setTimeout(() => (button.textContent = 'Copy'), 2000);
    });
    return button;
  };
  const line = document.getElementById('line');
  if (line !== null) {
    document.getElementById('url').textContent = here;
    line.after(copyButton('pip install --index-url ' + here + ' '));
  }

  const sizeText = (bytes) => {
    let unit = 0;
    for (; bytes >= 1024 && unit < 4; unit++) bytes /= 1024;
    return (unit === 0 || bytes >= 100 ? Math.round(bytes) : bytes.toFixed(1)) + ' ' + ['B', 'KiB', 'MiB', 'GiB', 'TiB'][unit];
  };
  const versionOf = (file) =>
    file.endsWith('.whl') ? file.split('-')[1] : file.replace(/\\.(tar\\.gz|zip)$/, '').split('-').at(-1);
  const grouped = (files) => {
    const versions = new Map();
    for (const file of files) {
      const version = versionOf(file.filename);
      versions.set(version, [...(versions.get(version) ?? []), file]);
    }
    return [...versions].reverse();
  };
  const factsOf = (files) => {
    const times = files.map((file) => file['upload-time'] ?? '').sort();
    const pythons = [...new Set(files.map((file) => file['requires-python']).filter(Boolean))];
    const yanked = files.every((file) => file.yanked);
    const reason = files.map((file) => file.yanked).find((why) => typeof why === 'string');
    return [
      files.length + (files.length === 1 ? ' file' : ' files'),
      sizeText(files.reduce((sum, file) => sum + (file.size ?? 0), 0)),
      times.at(-1).slice(0, 10),
      pythons.length === 0 ? '' : 'Python ' + pythons.join(' or '),
      yanked ? 'yanked' + (reason === undefined ? '' : ': ' + reason) : '',
    ].filter((text) => text !== '').map((text) => make('span', { textContent: text }));
  };
  const versionRow = (name, folder, [version, files]) => {
    const links = files.map((file) => make('li', {}, make('a', { href: new URL(file.url, folder).href, textContent: file.filename })));
    const shown = make('ul', { className: 'files', hidden: true }, ...links);
    const facts = make('div', { className: 'facts' });
    factsOf(files).forEach((fact) => facts.append(fact, ' '));
    const label = make('button', { type: 'button', className: 'version', textContent: version, ariaExpanded: 'false' });
    label.addEventListener('click', () => {
      shown.hidden = !shown.hidden;
      label.ariaExpanded = String(!shown.hidden);
    });
    const spec = name + '==' + version;
    const row = make('li', {}, make('span', {}, label), facts, copyButton('pip install --index-url ' + here + ' ' + (/[^A-Za-z0-9._=-]/.test(spec) ? '"' + spec + '"' : spec)), shown);
    row.classList.toggle('yanked', files.every((file) => file.yanked));
    return row;
  };
  const first = 50;
  const open = async (details, link) => {
    const note = make('p', { className: 'note', textContent: 'Reading its versions' });
    details.append(note);
    try {
      const response = await fetch(new URL('index.json', link.href), { headers: { accept: 'application/vnd.pypi.simple.v1+json' } });
      if (!response.ok) throw new Error(String(response.status));
      const { files } = await response.json();
      const versions = grouped(files);
      const list = make('ul', { className: 'versions' });
      const show = (some) => list.append(...some.map((version) => versionRow(link.textContent, link.href, version)));
      show(versions.slice(0, first));
      note.replaceWith(list);
      if (versions.length === 0) details.append(make('p', { className: 'note', textContent: 'It has no files.' }));
      if (versions.length <= first) return;
      const more = make('button', { type: 'button', textContent: 'Show all ' + versions.length + ' versions' });
      more.addEventListener('click', () => {
        more.remove();
        show(versions.slice(first));
      });
      details.append(make('p', { className: 'note' }, more));
    } catch {
      note.textContent = 'Its versions cannot be read now.';
      details.addEventListener('toggle', () => { note.remove(); watch(details, link); }, { once: true });
    }
  };
  const watch = (details, link) => details.addEventListener('toggle', () => details.open && open(details, link), { once: true });
  for (const { row } of rows) {
    const details = row.querySelector('details');
    if (details === null) continue;
    const link = row.querySelector('a');
    watch(details, link);
    link.addEventListener('click', (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
      event.preventDefault();
      details.open = !details.open;
    });
  }
})();
`
