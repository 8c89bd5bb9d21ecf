"""What speech recognition writes in place of a word: homophones, near-homophones, mishearings.

Words that sound alike or nearly so belong here, `word: instead/instead`. Left out on purpose: what
would turn a statement into its opposite (`fee` for `free`, `want` for `won't`) and everything with a
negation. How often they are misheard is in `voice`; what people misspell is in `shorthand`.
"""

from __future__ import annotations


def read_table(text: str) -> dict[str, tuple[str, ...]]:
    """The entries `word: instead/instead; ...` as a table; `ValueError` where a word stands twice."""
    table: dict[str, tuple[str, ...]] = {}
    for entry in text.replace("\n", " ").split(";"):
        word, _, instead = entry.strip().partition(": ")
        if word in table:
            raise ValueError(f"'{word}' stands there twice")
        table[word] = tuple(instead.split("/"))
    return table


# Everyday words: frequent, so each is seldom misheard.
HOMOPHONES = read_table("""
about: a bout; again: a gain; ago: a go; allowed: aloud; already: all ready; always: all ways; an: and;
and: an/in; another: and other; anyone: any one; anyway: any way; are: our; around: a round; as: has; at:
that; aunt: ant; awhile: a while; been: bin; bin: been; bit: but; board: bored; brake: break; break:
brake; but: bit; buy: by; by: buy; bye: by; close: clothes; clothes: close; course: coarse; door: dough;
due: do; eight: ate; everyone: every one; fair: fare; find: fine; fine: find; first: fist; flat: flight;
floor: flaw; for: four; four: for; from: form; great: grate; had: add; half: have; has: as; hear: here;
here: hear; his: is; hole: whole; hour: our; hours: ours; house: how's; i'd: i; i'll: aisle/all; i'm: am;
i've: i; in: and; it's: its; its: it's; knew: new; know: now; last: lost; later: latter; least: leased;
loose: lose; lose: loose; made: maid; mail: male; main: mane; maybe: may be; missed: mist; month: mouth;
months: mouths; must: most; new: knew; night: knight; of: off; off: of; on: an; one: won; our: are; pair:
pear; passed: past; past: passed; piece: peace; pieces: peaces; poor: pour; pull: pool; quiet: quite;
quite: quiet; rain: reign; read: red; real: reel; red: read; right: write; road: rode; said: set; sale:
sail; see: sea; seen: scene; sell: cell; send: sent; sent: send; some: sum; somebody: some body;
sometimes: some times; son: sun; stairs: stares; steel: steal; still: steel; sure: shore; ten: tin; than:
then; thanks: tanks; that's: that; their: there; them: then; then: than; there: their; they're:
there/their; thing: think; things: thinks; think: thing; thought: fought; threw: through; through: threw;
to: too/two; today: to day; told: tolled; tomorrow: to morrow; tonight: to night; too: to; town: down;
turn: tone; turned: toned; two: to/too; used: use; very: vary; wait: weight; waiting: weighting; wanted:
want it; waste: waist; way: weigh; we'll: well; we're: were; wear: where; weather: whether; week: weak;
weeks: weeks'; weight: wait; well: we'll; went: when; were: where; what: but; whatever: what ever; wheel:
we'll; wheels: wheals; when: went; where: wear; whether: weather; which: witch; who's: whose; whole: hole;
whose: who's; will: well; with: width; wood: would; worn: warn; would: wood; write: right; yet: yeah;
you're: your; your: you're
""")

# Words that say what it is about: rarer, and the ones a recogniser has seen least.
MISHEARINGS = read_table("""
account: a count/count; accounts: a counts; adapter: a doctor; address: a dress; amount: a mount; app:
up/ap; apply: a ply; appointment: a pointment; armchair: arm chair; assembly: a sembly/assemble; attached:
a touch; available: of valuable; balance: ballots; bank: tank; basket: biscuit; battery: batter he/better
he; bell: bill; bike: bake; bill: build/bell; billed: build; bills: builds; blade: played; blades: plates;
block: black; blocked: black; bolt: bowl; bolts: bolds; booked: book; booking: looking; booster: boost
her; bought: brought; box: books; branch: brunch; broadband: broad band/brought band; broken: spoken;
bundle: bungle; button: bottom; cables: tables; cancel: council/can sell; cancellation: consolation;
cancelled: can sold; cap: cup; card: car/cart; cards: cars; carrier: career; case: cake; cash: cache;
chain: change; chair: share; charge: charged/large; charged: charge; charger: charge her; charges: charge
is; cheaper: cheap her; check: chick; checked: check; claim: clean; clip: click; code: cold/coat; codes:
coats; collect: correct; collected: corrected; colour: caller; complaint: complained; confirm: con firm;
connect: correct; connected: corrected; connection: collection; contract: contact/con tract; corner:
coroner; cost: cause; costs: causes; courier: career; cover: over; crack: track; cracked: tracked; credit:
edit; customer: costumer; cut: cup; damaged: damage; data: date a; date: day; dead: debt; debit: debt it;
deliver: the liver; delivered: the livered; delivery: livery/deliver he; deposit: the posit; desk: disc;
device: the vice; dial: dile; direct: the wrecked; discount: this count; display: this play; door: dough;
download: down load; draft: draught; drawer: draw; drawers: draws; drill: thrill; dropped: drop; drops:
drop; due: dew; email: he mail; empty: m t; engine: and gin; exchange: x change; extra: ex tra; fault:
fold; faulty: faulting; fibre: five a; filter: felt a; fitted: fit it; fixed: fix; flashing: flushing;
folded: faulted; forgot: for got; form: from; frame: flame; fraud: frog; freezes: freeze is; fridge:
bridge; garden: guardian; gift: give; grinding: rhyming; handle: hand all; handset: hand set; hedge: edge;
hinge: fringe; hose: hoes; inbox: in box; install: in store; installed: in stalled; insurance: assurance;
interest: in trust; internet: inter net; invoice: in voice/in noise; item: i tem; items: i tems; jammed:
jam; kettle: cattle; label: table/labour; ladder: latter; lamp: lump; landline: land line; lawn:
lorn/long; leak: leek; leaking: leeking; leg: lake; legs: legs is; letter: later; lid: lit; light: like;
limit: lemon; line: lion; link: ink/blink; loan: lone; locked: lock; locker: lock her; login: log in;
machine: mission; mailbox: mail box; manual: annual/man you all; mattress: matters; member: remember;
membership: member ship; menu: men you; message: massage; messages: massages; meter: metre; missing:
mission; mobile: no bile/mow bile; model: modal/muddle; modem: mode m; mortgage: more gauge; motor: motto;
moved: move; mower: more/mow her; network: net work; noise: nice; notice: not is; number: numb her; offer:
of her; online: on line; opened: open; order: older/all the; ordered: altered/order; orders: older;
outage: out age; oven: of and; overdraft: over draft; overdrawn: over drawn; package: back age/packet;
paid: played; paint: pain; panel: panda; parcel: partial/parson; parcels: partials; parts: parks; pass:
path; password: pass word; pay: play; paying: playing; payment: pavement; payments: pavements; phone:
fawn; pickup: pick up; pin: pen; plan: plane/plant; plans: plants; plate: play; plug: pluck; plugged:
plucked; points: pints; policy: police he; post: posed; postage: post age; postcode: post cold; pot: part;
power: pour; premium: pre mium; price: prize; prices: prizes; printed: print it; problem: probe them;
product: produced; pump: bump; purchase: purchases; quote: coat; rate: right; rates: rights; rattling:
ratling; receipt: recede/receive; receive: receipt; received: receipt; refund: re fund/reform; refunded:
re funded; register: registered; rejected: reacted; reminder: remind her; renew: re new; renewal: re
newal; repair: re pair; replace: re place; replaced: re placed; replacement: re placement; report: re
port; reset: we set; return: re turn/retain; returned: re turned/retained; returns: re turns; ringing:
bringing; roaming: rowing/roman; roof: rough; router: rooter/route her; rung: wrong; scale: scare; scam:
scan; scratch: scratched; scratched: scratch; screen: scream; screw: crew; screwdriver: screw driver;
screws: crews; seat: seed; service: surface; shelf: self; shelves: selves; shipping: chipping; shop: shot;
shower: show her; signal: single; signed: sign; size: sighs; slot: lot; smell: small; smells: smalls;
smoke: spoke; sofa: so far; sound: sand; speed: speech; spring: string; stand: stamp; start: star; starts:
stars; statement: state meant; statements: state meant; stock: stuck; stolen: stole in; stop: stock;
stopped: stocked; store: stall; stuck: stock; subscription: some scription; support: sub port; switch:
which; switched: which; system: sister; table: cable; tank: thank; tap: tab; tariff: terrif/tear if;
teller: tell her; terminal: term in all; terms: turns; text: test; texts: tests; ticket: thicket; token:
taken; tool: tall; top: tub; track: truck; tracking: trucking; transaction: transition; transfer: trans
fur; transferred: trans furred; trial: tile; trimmer: trim her; tyre: tire; unlock: on lock; update: up
date; updated: up dated; upgrade: up grade; upgraded: up graded; valve: of; van: fan; verify: very fi;
visa: fee sir; voicemail: voice mail; voucher: vulture/vouch her; vouchers: vultures; wardrobe: ward robe;
warehouse: where house; warranty: warrant he/war and tea; washer: wash her; website: web sight; window:
win though; wire: why are; wireless: why less; withdraw: with draw; withdrawal: with drawl; wobbles:
wobble; wobbling: hobbling; worked: walked; working: walking; works: walks; wrong: rung; yard: yarn;
yearly: nearly
""")
