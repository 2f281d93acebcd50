import type { Command } from 'commander';

/** Where Temporal is, as typed. */
export interface TemporalFlags {
  readonly address?: string;
  readonly namespace?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly tlsCa?: string;
  readonly apiKeyEnv?: string;
}

/** The options of every command that speaks with Temporal. */
export function withTemporal(command: Command): Command {
  return command
    .option(
      '--address <host:port>',
      "Temporal's server (default: TEMPORAL_ADDRESS, its profile, `expctl server up`, 127.0.0.1:7233)",
    )
    .option('--namespace <name>', 'its namespace (default: TEMPORAL_NAMESPACE, its profile, default)')
    .option('--tls-cert <file>', 'the certificate to show to it (PEM)')
    .option('--tls-key <file>', 'the private key of that certificate (PEM)')
    .option('--tls-ca <file>', 'the authority that vouches for the server (PEM)')
    .option('--api-key-env <name>', 'the environment variable that holds the API key');
}

/** The same, out of all options of a command. */
export function temporalFlags(options: TemporalFlags): TemporalFlags {
  const { address, namespace, tlsCert, tlsKey, tlsCa, apiKeyEnv } = options;
  const flags = { address, namespace, tlsCert, tlsKey, tlsCa, apiKeyEnv };
  return Object.fromEntries(Object.entries(flags).filter(([, value]) => value !== undefined));
}

/** Whether somebody has said where Temporal is, be it in vain. */
export function namesTemporal(flags: TemporalFlags): boolean {
  return Object.keys(temporalFlags(flags)).length > 0;
}
