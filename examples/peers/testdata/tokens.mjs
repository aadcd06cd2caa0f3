// An oidc-provider on loopback for clients that come with a key, or with a secret that
// has to be encoded. Arguments: the folder of its modules, then issuer, port, key,
// certificate, and the clients' public keys as a JWK set.
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { generateKeyPairSync } from 'node:crypto';
import { pathToFileURL } from 'node:url';

const [modules, issuer, port, key, cert, jwks] = process.argv.slice(2);
const found = createRequire(modules + '/package.json').resolve('oidc-provider');
const { Provider } = await import(pathToFileURL(found));

const own = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' });
const client = (id, more) => ({
  client_id: id, redirect_uris: [], response_types: [], grant_types: ['client_credentials'], ...more,
});
const signed = (alg) => ({
  token_endpoint_auth_method: 'private_key_jwt', token_endpoint_auth_signing_alg: alg, jwks: JSON.parse(jwks),
});

const provider = new Provider(issuer, {
  jwks: { keys: [{ ...own, alg: 'RS256', use: 'sig', kid: 'rs' }] },
  clients: [
    client('ec', signed('ES256')), client('rsa', signed('RS256')),
    client('https://carnet.example/a b', { client_secret: 'n:o%t+a s&cret=/~', token_endpoint_auth_method: 'client_secret_basic' }),
  ],
  clientAuthMethods: ['private_key_jwt', 'client_secret_basic'],
  enabledJWA: { clientAuthSigningAlgValues: ['RS256', 'ES256'] },
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: (_, resource) => {
        if (resource !== 'https://hub.example/api') throw new Error('unknown resource');
        return { scope: 'hub.write hub.list', audience: resource, accessTokenFormat: 'jwt' };
      },
    },
  },
});

createServer({ key: readFileSync(key), cert: readFileSync(cert) }, provider.callback())
  .listen(Number(port), '127.0.0.1', () => console.log('listening'));
