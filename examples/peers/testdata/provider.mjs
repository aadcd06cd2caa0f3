// An oidc-provider on loopback for the tests. Arguments: the folder of its modules,
// then issuer, port, key and certificate. Whoever comes is logged in as ada and consents.
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { generateKeyPairSync } from 'node:crypto';
import { pathToFileURL } from 'node:url';

const [modules, issuer, port, key, cert] = process.argv.slice(2);
const found = createRequire(modules + '/package.json').resolve('oidc-provider');
const { Provider } = await import(pathToFileURL(found));

const jwk = (type, options, more) => ({
  ...generateKeyPairSync(type, options).privateKey.export({ format: 'jwk' }), ...more,
});
const keys = [
  jwk('rsa', { modulusLength: 2048 }, { alg: 'RS256', use: 'sig', kid: 'rs' }),
  jwk('ec', { namedCurve: 'P-256' }, { alg: 'ES256', use: 'sig', kid: 'es' }),
  jwk('ed25519', {}, { alg: 'EdDSA', use: 'sig', kid: 'ed' }),
];

const client = (id, alg) => ({
  client_id: id, client_secret: 'not a secret', redirect_uris: ['https://127.0.0.1/back'], response_types: ['code'],
  grant_types: ['authorization_code', 'client_credentials'], id_token_signed_response_alg: alg,
});

const provider = new Provider(issuer, {
  jwks: { keys },
  clients: [client('rs', 'RS256'), client('es', 'ES256'), client('ed', 'EdDSA')],
  enabledJWA: { idTokenSigningAlgValues: ['RS256', 'ES256', 'EdDSA'] },
  acrValues: ['urn:example:gold'],
  claims: { openid: ['sub'], acr: null, amr: null, auth_time: null, iss: null, sid: null },
  cookies: { keys: ['cookies of a test'] },
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
  interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
  loadExistingGrant: async (ctx) => {
    const grant = new ctx.oidc.provider.Grant({ accountId: ctx.oidc.session.accountId, clientId: ctx.oidc.client.clientId });
    grant.addOIDCScope('openid');
    grant.addResourceScope('https://gate.example/hr', 'contact.read');
    await grant.save();
    return grant;
  },
  features: {
    devInteractions: { enabled: false },
    claimsParameter: { enabled: true },
    clientCredentials: { enabled: true },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: (_, resource) => ({
        scope: 'contact.read', audience: resource, accessTokenFormat: 'jwt',
        jwt: { sign: { alg: resource.endsWith('/es') ? 'ES256' : 'RS256' } },
      }),
      useGrantedResource: () => true,
    },
  },
});

const answer = provider.callback();
createServer({ key: readFileSync(key), cert: readFileSync(cert) }, async (req, res) => {
  if (!req.url.startsWith('/interaction/')) return answer(req, res);
  await provider.interactionFinished(req, res, { login: { accountId: 'ada', acr: 'urn:example:gold', amr: ['pwd', 'otp'] } });
}).listen(Number(port), '127.0.0.1', () => console.log('listening'));
