import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fakeMachine } from './fake-io.test.ts';

describe('help', () => {
  it('says of every verb what it does, with an example for those that take something', async () => {
    const { ldc } = fakeMachine();
    const { code, out } = await ldc('--help');
    assert.equal(code, 0);
    const verbs =
      'init validate plan diff apply status get describe rollback retire tx cluster whatif dev demo hub agent sim context schema completion version';
    for (const verb of verbs.split(' ')) {
      assert.match(out, new RegExp(`^  ${verb} .*\\S`, 'm'));
      const help = await ldc(verb, '--help');
      assert.equal(help.code, 0);
      if (verb !== 'version') assert.match(help.out, /\n {2}\$ .*ldc /, `${verb} has no example`);
    }
    for (const verb of 'list show watch approve pause resume abort retry skip force-close'.split(' '))
      assert.equal((await ldc('tx', verb, '--help')).code, 0);
  });

  it('exits 2 on wrong usage, with the verb that was meant', async () => {
    const { ldc } = fakeMachine();
    const typo = await ldc('aply');
    assert.equal(typo.code, 2);
    assert.match(typo.err, /Did you mean apply/);
    assert.equal((await ldc('apply')).code, 2);
    assert.equal((await ldc('tx', 'skip', 'tx-1')).code, 2);
    assert.equal((await ldc('apply', '-f', 'x', '--if-busy', 'maybe')).code, 2);
    assert.equal((await ldc('get', 'nonsense')).code, 2);
    assert.equal((await ldc('status', '-o', 'xml')).code, 2);
  });
});

describe('init and validate', () => {
  it('writes a stack that is valid, and never writes over one', async () => {
    const machine = fakeMachine();
    const made = await machine.ldc('init', 'shop', '--name', 'shop');
    assert.equal(made.code, 0);
    assert.deepEqual([...machine.files.keys()].sort(), ['/work/shop/shop/shop.yaml', '/work/shop/stack.yaml']);
    const checked = await machine.ldc('validate', '-f', 'shop');
    assert.equal(checked.err, '');
    assert.equal(checked.out, 'shop/stack.yaml: stack default/shop is valid (1 function, 2 objects)\n');
    assert.equal(checked.code, 0);
    const before = machine.files.get('/work/shop/stack.yaml');
    const again = await machine.ldc('init', 'shop', '--name', 'other');
    assert.equal(again.code, 2);
    assert.equal(machine.files.get('/work/shop/stack.yaml'), before);
    assert.equal((await machine.ldc('init', '--name', 'No Name')).code, 2);
  });

  it('shows every problem with file, line and column, and exits 2', async () => {
    const machine = fakeMachine();
    await machine.ldc('init', '.', '--name', 'shop');
    const text = machine.files.get('/work/stack.yaml') ?? '';
    machine.files.set('/work/stack.yaml', text.replace('namespace:', 'namespcae:').replace('min: 2', 'min: two'));
    const { code, out } = await machine.ldc('validate', '-f', 'stack.yaml');
    assert.equal(code, 2);
    assert.match(out, /^stack\.yaml:6:3 .*namespcae.*namespace/m);
    assert.match(out, /^stack\.yaml:12:\d+ /m);
    const asJson = await machine.ldc('validate', '-f', 'stack.yaml', '-o', 'json');
    const { valid, problems } = JSON.parse(asJson.out) as { valid: boolean; problems: { file: string }[] };
    assert.equal(valid, false);
    assert.ok(problems.length >= 2 && problems.every(({ file }) => file === 'stack.yaml'));
  });

  it('takes a stack from stdin, with manifests beside the working folder', async () => {
    const machine = fakeMachine();
    await machine.ldc('init', '.', '--name', 'shop');
    machine.stdin = machine.files.get('/work/stack.yaml') ?? '';
    machine.files.delete('/work/stack.yaml');
    const { code, out } = await machine.ldc('validate', '-f', '-');
    assert.equal(out, '<stdin>: stack default/shop is valid (1 function, 2 objects)\n');
    assert.equal(code, 0);
  });

  it('says what does not exist or is no text', async () => {
    const machine = fakeMachine();
    const missing = await machine.ldc('validate', '-f', 'nowhere');
    assert.equal(missing.code, 2);
    assert.match(missing.err, /^error: nowhere does not exist\n {2}next: /);
    machine.files.set('/work/a/readme.md', 'hello');
    assert.match((await machine.ldc('validate', '-f', 'a')).err, /holds no stack file/);
    machine.files.set('/work/b/stack.yaml', '\u0000binary');
    assert.match((await machine.ldc('validate', '-f', 'b')).err, /not text in UTF-8/);
  });

  it('prints the schema and the version', async () => {
    const { ldc } = fakeMachine();
    const schema = JSON.parse((await ldc('schema')).out) as { properties: object };
    assert.ok('spec' in schema.properties);
    assert.equal((await ldc('version')).out, 'ldc 0.1.0\n');
    assert.deepEqual(JSON.parse((await ldc('version', '-o', 'json')).out), { ldc: '0.1.0' });
    assert.equal((await ldc('--version')).out, '0.1.0\n');
  });
});

describe('completion', () => {
  it('knows every verb and sub-verb in each shell', async () => {
    const { ldc } = fakeMachine();
    for (const shell of ['bash', 'zsh', 'fish']) {
      const { code, out } = await ldc('completion', shell);
      assert.equal(code, 0);
      for (const word of ['apply', 'force-close', 'uncordon', 'whatif'])
        assert.ok(out.includes(word), `${shell} ${word}`);
    }
    assert.equal((await ldc('completion', 'csh')).code, 2);
  });
});

describe('launchers', () => {
  it('count clusters and real ones among them', async () => {
    const machine = fakeMachine();
    for (const flags of [[], ['--real', '2'], ['--clusters', '3', '--real', '2'], ['--clusters', '2']])
      await machine.ldc('dev', ...flags);
    await machine.ldc('demo', '--real', '3');
    assert.deepEqual(
      machine.launched.map(({ options }) => {
        const { clusters, real } = options as { clusters?: number; real: number };
        return [clusters, real];
      }),
      [
        [4, 0],
        [2, 2],
        [3, 2],
        [2, 0],
        [undefined, 3],
      ],
    );
  });

  it('hands checked options to main', async () => {
    const machine = fakeMachine();
    await machine.ldc(
      'dev',
      '--clusters',
      '6',
      '--state',
      's',
      '--port',
      '7500',
      '--heartbeat',
      '500ms',
      '--suspect-after',
      '2s',
      '--kinds',
      'example.com/widgets',
    );
    await machine.ldc('demo', '--keep');
    await machine.ldc('hub', '--reachable', 'https://a', 'https://b');
    await machine.ldc('hub', 'backup', 'x.bak', '--state', '/var/ldc');
    await machine.ldc('hub', 'rearm', '--reason', 'scrapped', '--yes');
    await machine.ldc('agent', '--hub', 'https://h:1', '--join', 't', '--name', 'eu-3', '-l', 'region=eu', '-l', 'a=b');
    assert.deepEqual(machine.launched, [
      {
        name: 'dev',
        options: {
          clusters: 6,
          real: 0,
          state: '/work/s',
          port: 7500,
          timers: { heartbeatMs: 500, suspectAfterMs: 2_000 },
          kinds: [{ group: 'example.com', plural: 'widgets' }],
        },
      },
      { name: 'demo', options: { real: 0, keep: true, json: false } },
      {
        name: 'hub',
        options: {
          state: '/work/.ldc',
          host: '127.0.0.1',
          port: 7420,
          names: [],
          name: 'ldc',
          timers: {},
          reachable: ['https://a', 'https://b'],
        },
      },
      { name: 'backup', options: { state: '/var/ldc', file: '/work/x.bak' } },
      { name: 'rearm', options: { state: '/work/.ldc', reason: 'scrapped' } },
      {
        name: 'agent',
        options: { hub: 'https://h:1', labels: { region: 'eu', a: 'b' }, joinToken: 't', name: 'eu-3' },
      },
    ]);
    assert.equal((await machine.ldc('dev', '--clusters', '0')).code, 2);
    assert.equal((await machine.ldc('dev', '--clusters', '2', '--real', '3')).code, 2, 'more real ones than there are');
    assert.equal((await machine.ldc('demo', '--real', '5')).code, 2, 'the demo has four');
    assert.equal((await machine.ldc('dev', '--port', '65535')).code, 2);
    assert.equal((await machine.ldc('dev', '--lost-after', '10s')).code, 2, 'lost before it is suspect');
    assert.equal((await machine.ldc('hub', '--heartbeat', 'soon')).code, 2);
    assert.equal((await machine.ldc('hub', 'restore', 'x.bak')).code, 2, 'restore asks, and nobody is there');
    assert.equal(machine.launched.length, 6);
  });
});
