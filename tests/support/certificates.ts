import { join } from "node:path";

/** An authority and a certificate that it signed, in PEM. */
export interface Certificates {
  /** The path of the authority's certificate. */
  readonly authority: string;
  readonly certificate: string;
  readonly key: string;
}

/** True where openssl can be run. */
export async function hasOpenssl(): Promise<boolean> {
  try {
    return (await new Deno.Command("openssl", { args: ["version"], stdout: "null", stderr: "null" }).output())
      .success;
  } catch {
    return false;
  }
}

/** Makes an authority, and a certificate for a name. @param name As `DNS:localhost` or `IP:127.0.0.1`. */
export async function makeCertificates(folder: string, name: string): Promise<Certificates> {
  await Deno.mkdir(folder, { recursive: true });
  const path = (file: string) => join(folder, file);
  const ofAuthority = ["-keyout", path("ca.key"), "-out", path("ca.crt"), "-subj", "/CN=test authority"];
  const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  await openssl(["req", "-x509", ...newKey, ...ofAuthority, "-days", "2"]);
  await openssl([
    "req",
    ...newKey,
    "-keyout",
    path("leaf.key"),
    "-out",
    path("leaf.csr"),
    "-subj",
    "/CN=test",
  ]);
  await Deno.writeTextFile(path("leaf.ext"), `subjectAltName=${name}\nbasicConstraints=CA:FALSE\n`);
  const signing = [
    "-CA",
    path("ca.crt"),
    "-CAkey",
    path("ca.key"),
    "-CAcreateserial",
    "-extfile",
    path("leaf.ext"),
  ];
  await openssl([
    "x509",
    "-req",
    "-in",
    path("leaf.csr"),
    "-out",
    path("leaf.crt"),
    "-days",
    "2",
    ...signing,
  ]);
  return {
    authority: path("ca.crt"),
    certificate: await Deno.readTextFile(path("leaf.crt")),
    key: await Deno.readTextFile(path("leaf.key")),
  };
}

async function openssl(args: readonly string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command("openssl", { args: [...args] }).output();
  if (!success) throw new Error(`openssl ${args[0]} fails: ${new TextDecoder().decode(stderr)}`);
}
