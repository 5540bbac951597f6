import { createRandom, type Random } from "../../../pipeline/math/random.ts";
import { csvOf } from "../own_tables/text_table.ts";

/** The content of files, by their name. */
type Files = Readonly<Record<string, string>>;

/** Returns the files that each page's commands read, the same ones on every machine. */
export const filesOfPages: Readonly<Record<string, () => Files>> = {
  "docs/own-data.md": () => mails(createRandom(1)),
  "docs/recipes/crm-mails.md": () => crmMails(createRandom(2)),
  "docs/recipes/ads.md": () => ads(createRandom(3)),
  "docs/recipes/churn.md": () => churn(createRandom(4)),
};

const hour = 3_600_000;
const day = 24 * hour;
const start = Date.UTC(2025, 0, 6);

function mails(random: Random): Files {
  let sent = start;
  const rows = Array.from({ length: 5_000 }, (_, i) => {
    sent += random.below(40) * 60_000;
    const [segment, topic] = [
      pick(random, ["new", "regular", "vip"]),
      pick(random, ["sale", "news", "survey"]),
    ];
    const age = random.below(10) === 0 ? null : 18 + random.below(62);
    const logOdds = -1.2 + (segment === "vip" ? 1.1 : 0) + (topic === "sale" ? 0.8 : 0) -
      ((age ?? 40) - 40) / 50;
    const opened = happens(random, logOdds);
    return {
      mail_id: `M-${100_000 + i}`,
      customer: `C-${1_000 + random.below(900)}`,
      sent_at: timeOf(sent),
      topic,
      segment,
      age,
      opened: opened ? "yes" : "no",
      opened_at: opened ? timeOf(sent + random.below(300) * 60_000) : null,
    };
  });
  const planned = rows.slice(0, 50).map(({ opened: _, opened_at: __, ...row }, i) => ({
    ...row,
    mail_id: `M-${200_000 + i}`,
  }));
  return { "mails.csv": csvOf(rows), "planned.csv": csvOf(planned) };
}

function crmMails(random: Random): Files {
  const contacts = Array.from({ length: 1_500 }, (_, i) => ({
    contact_id: 20_000 + i,
    industry: pick(random, ["retail", "health", "energy", "media"]),
    employees: pick(random, ["1-9", "10-49", "50-249", "250+"]),
    signed_up: dateOf(start - random.below(900) * day),
  }));
  let sent = start;
  const rows = Array.from({ length: 6_000 }, (_, i) => {
    sent += random.below(30) * 60_000;
    const { contact_id, industry, employees } = contacts[random.below(contacts.length)];
    const words = Array.from({ length: 6 }, () => pick(random, subjectWords));
    const logOdds = -1 + (words.includes("free") ? 0.9 : 0) + (words.includes("reminder") ? -0.8 : 0) +
      (industry === "media" ? 0.7 : 0) + (employees === "250+" ? -0.6 : 0);
    const isOpen = happens(random, logOdds);
    return {
      mail_id: 700_001 + i,
      contact_id,
      sent_at: timeOf(sent),
      subject: words.join(" "),
      template: pick(random, ["plain", "picture", "personal"]),
      // The newest mails have no outcome yet.
      opened: i >= 5_900 ? null : isOpen ? "yes" : "no",
    };
  });
  return { "mails.csv": csvOf(rows), "contacts.csv": csvOf(contacts) };
}

const subjectWords = "free your invoice reminder webinar trial price news offer guide report update team week"
  .split(" ");

function ads(random: Random): Files {
  const counts = Array.from({ length: 4_000 }, (_, i) => {
    const value = {
      line_id: 1 + i,
      date: dateOf(start + Math.floor(i / 50) * day),
      ad: `ad-${10 + random.below(90)}`,
      placement: pick(random, ["feed", "story", "search", "sidebar"]),
      device: pick(random, ["phone", "tablet", "desk"]),
      position: 1 + random.below(6),
    };
    const impressions = 20 + random.below(400);
    const logOdds = -3 + (Number(value.ad.slice(3)) % 7) / 5 + (value.placement === "search" ? 0.8 : 0) -
      0.2 * value.position;
    let clicks = 0;
    for (let n = 0; n < impressions; n++) if (happens(random, logOdds)) clicks++;
    return { ...value, impressions, clicks };
  });
  return {
    "impressions.csv": csvOf(counts.map(({ clicks: _, ...row }) => row)),
    "clicks.csv": csvOf(
      counts.filter(({ clicks }) => clicks > 0).map(({ line_id, clicks }) => ({ line_id, clicks })),
    ),
  };
}

function churn(random: Random): Files {
  const rows = Array.from({ length: 700 }, (_, i) => ({
    customer: `K${10_000 + i}`,
    plan: pick(random, ["basic", "plus", "pro"]),
    fee: 9 + random.below(60),
    joined: start - random.below(1_200) * day,
  })).flatMap(({ customer, plan, fee, joined }) => {
    const months = [];
    for (let month = 0; month < 10; month++) {
      const asOf = start + month * 30 * day;
      const calls = random.below(6);
      const satisfaction = pick(random, ["low", "medium", "high"]);
      const logOdds = -3 + 0.35 * calls + (satisfaction === "low" ? 1.1 : 0) + (plan === "basic" ? 0.5 : 0);
      const leaves = happens(random, logOdds);
      months.push({
        as_of: dateOf(asOf),
        customer,
        plan,
        monthly_fee: fee,
        joined: dateOf(joined),
        calls,
        satisfaction,
        cancelled_on: leaves && month < 9 ? dateOf(asOf + random.below(30) * day) : null,
        churned: month === 9 ? null : leaves ? 1 : 0,
      });
      if (leaves) break;
    }
    return months;
  });
  return { "months.csv": csvOf(rows.toSorted((a, b) => a.as_of < b.as_of ? -1 : a.as_of > b.as_of ? 1 : 0)) };
}

function happens(random: Random, logOdds: number): boolean {
  return random.uniform() < 1 / (1 + Math.exp(-logOdds));
}

function pick<T>(random: Random, values: readonly T[]): T {
  return values[random.below(values.length)];
}

function timeOf(milliseconds: number): string {
  return new Date(milliseconds).toISOString().slice(0, 16);
}

function dateOf(milliseconds: number): string {
  return new Date(milliseconds).toISOString().slice(0, 10);
}
