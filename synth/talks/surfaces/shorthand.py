"""How people shorten and misspell words when they type: tables for chat, messaging, social media and e-mail.

A new abbreviation, common misspelling or emoji goes here. How often each is used is in `typed`; what
speech recognition makes of words is in `mishearings`.
"""

from __future__ import annotations

import re

from synth.talks.surfaces.mishearings import read_table

SHORT = read_table("""
you: u; your: ur; you're: ur; are: r; please: pls/plz; thanks: thx/ty; tomorrow: tmrw/tmr; because:
cos/bc; information: info; message: msg; messages: msgs; number: nr; okay: ok; about: abt; people: ppl;
really: rly; minutes: mins; minute: min; hours: hrs; weeks: wks; appointment: appt; before: b4; something:
smth; weekend: wknd; yes: yep/yeah/yup; though: tho; through: thru; night: nite; picture: pic; pictures:
pics; photo: pic; photos: pics; account: acc/acct; address: addr; and: n/&; probably: prob/prolly;
definitely: def; website: site; application: app; password: pw; months: mths; obviously: obvs; question:
q; questions: qs; subscription: sub; reference: ref; quantity: qty; department: dept; approximately:
approx; especially: esp; maximum: max; advertisement: ad; morning: morn; problem: prob; problems: probs
""")
USUAL = {"you", "your", "you're", "are", "please", "thanks", "tomorrow", "because", "minutes", "okay"}
"""The short forms nearly everyone uses; the others are seldom."""

PHRASES = {
    "by the way": "btw",
    "as soon as possible": "asap",
    "thank you": "thx",
    "thank you so much": "thx so much",
    "to be honest": "tbh",
    "right now": "rn",
    "going to": "gonna",
    "want to": "wanna",
    "got to": "gotta",
    "have to": "hv to",
    "let me know": "lmk",
    "i don't know": "idk",
    "in my opinion": "imo",
    "do not": "dont",
    "at the moment": "atm",
    "i am": "im",
    "oh my god": "omg",
    "kind of": "kinda",
    "out of": "outta",
    "don't know": "dunno",
    "for example": "eg",
    "never mind": "nvm",
    "be right back": "brb",
    "as far as i know": "afaik",
    "would have": "wouldve",
    "should have": "shouldve",
    "a lot": "alot",
    "what is": "whats",
}
PHRASE = re.compile(
    r"\b(" + "|".join(sorted(map(re.escape, PHRASES), key=len, reverse=True)) + r")\b", re.IGNORECASE
)
"""Several words with one short form; the longest first."""

MISSPELT = read_table("""
accept: except; accidentally: accidently; accommodate: accomodate; address: adress; advice: advise;
affect: effect; afterwards: afterwords; again: agian; agreement: agreemnt; although: altough; always:
allways; amount: ammount; annoyed: anoyed; answer: anwser; apparently: apparantly; appreciate: apreciate;
assembly: assembley; attached: attatched; available: availible/avaliable; battery: batery/battrey;
because: becuase/becouse; beginning: begining; believe: beleive; broken: brocken; cancel: cancle;
cancelled: canceled/cancled; cannot: can not; charge: charg; colleague: collegue; coming: comming;
complaint: complain; completely: completly; confirm: comfirm; confirmation: comfirmation; convenient:
convinient; correct: corect; could: coud; customer: costumer; customers: costumers; damaged: damadged;
definitely: definately; deliver: delivar; delivered: deliverd; delivery: delievery/delivry; description:
discription; didn't: did'nt; different: diffrent; disappointed: dissapointed; disappointing:
dissapointing; discount: disount; doesn't: does'nt/dosent; don't: do'nt; easily: easly; email: emial;
embarrassing: embarassing; emergency: emergancy; enough: enought; everything: everthing; exactly:
exactely; excellent: excelent; exchange: exhange; expensive: expencive; experience: experiance; explain:
explane; finally: finaly; forward: foward; friend: freind; further: futher; garden: gardern; guarantee:
garantee/guarentee; happened: happend; haven't: have'nt; height: hieght; immediately: immediatly;
insurance: insurence; interest: intrest; internet: internt; invoice: invioce; irritating: iritating;
isn't: is'nt; it's: its; its: it's; knowledge: knowlege; later: latter; length: lenght; letter: leter;
lightning: lightening; loose: lose; lose: loose; maintenance: maintainance; manual: manuel; measure:
mesure; message: mesage; minute: minuet; minutes: minuets; missing: mising; mistake: misstake; money:
mony; necessary: neccessary/necesary; neighbour: nieghbour; noticed: noticd; occurred: occured; off: of;
opened: opend; order: oder; ordered: orderd; original: orginal; package: pakage; paid: payed; parcel:
parcle; particular: particuler; password: pasword; payment: paymnet; phone: phne; piece: peice; pieces:
peices; plan: paln; please: plese/plaese; possible: posible; preferred: prefered; probably: probaly;
problem: probelm/problm; product: prodcut; promised: promissed; quality: qaulity; quiet: quite; quite:
quiet; really: realy; receipt: reciept; receive: recieve; received: recieved; recommend: reccomend;
refund: refound; refunded: refuned; remember: rember; repair: repare; replacement: replacment; reply:
repley; request: requets; return: retrun; returned: retured; ridiculous: rediculous; router: ruter;
satisfied: satisfyed; schedule: shedule; screws: skrews; separate: seperate; service: servise/serivce;
several: severel; should: shoud; signature: signiture; similar: similiar; since: sinse; sincerely:
sincerly; solution: soultion; something: somthing; straight: strait; subscription: subscribtion;
successful: succesful; support: suport; surprised: suprised; technician: techinician; than: then; thank:
thnak; that: taht; their: there; there: their; therefore: therfore; they're: there; they: thye; thought:
thougt; through: throught; together: togehter; tomorrow: tommorow/tomorow; transaction: transacton;
transfer: tranfer; transferred: transfered; truly: truely; unfortunately: unfortunatly/unfortunatley;
until: untill; usually: usualy; vacuum: vaccum; voucher: vaucher; waiting: wating; warranty:
warrenty/waranty; weather: wheather; website: webiste; wednesday: wensday; week: weak; weird: wierd; were:
where; where: were; whether: wether; which: wich; with: wiht; without: whitout; working: wroking; would:
woud; writing: writting; wrong: worng; yesterday: yesturday; you're: your; your: you're
""")

_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
KEYS = {
    key: "".join(
        row[i + step]
        for row, steps in ((line, (-1, 1)), (_ROWS[max(n - 1, 0)], (0, 1)), (_ROWS[min(n + 1, 2)], (-1, 0)))
        for step in steps
        if 0 <= i + step < len(row) and row[i + step] != key
    )
    for n, line in enumerate(_ROWS)
    for i, key in enumerate(line)
}
"""Each letter's neighbours on the keyboard."""

EMOJI = {
    "negative": ("😡", "😠", "🙄", "😤", "😞", "😩", "👎", "🤦"),
    "neutral": ("🙂", "🤔", "😅", "🙏", "👀", "🤷", "😬"),
    "positive": ("😊", "👍", "🙏", "😀", "🎉", "❤️", "😍", "👌"),
}

HASHTAGS = {
    "negative": ("#fail", "#badservice", "#neveragain", "#stillwaiting", "#fedup", "#customerservice"),
    "neutral": ("#help", "#question", "#customerservice"),
    "positive": ("#happy", "#greatservice", "#thankyou"),
}
