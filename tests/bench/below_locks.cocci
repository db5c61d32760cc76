// Requests and frees that may sleep, in a function that takes a spinning lock itself or is called below one, on some
// path: more than scripts/coccinelle/locks/call_kern.cocci of the kernel asks for, and for that reason more often wrong.
// Its messages are written like those of that one, so that one reader will do.
// Options: --no-includes --include-headers

virtual report

@asks exists@
identifier fn;
identifier unlock =~ "^(raw_)?spin_unlock|^(read|write)_unlock|^rcu_read_unlock|^local_(irq_enable|irq_restore|bh_enable)$|^preempt_enable";
position p;
@@

fn(...) {
 ... when != unlock(...)
     when any
(
 GFP_KERNEL@p
|
 GFP_KERNEL_ACCOUNT@p
|
 GFP_USER@p
|
 GFP_NOFS@p
|
 GFP_NOIO@p
|
 vfree@p(...)
|
 kvfree@p(...)
|
 iounmap@p(...)
|
 vunmap@p(...)
)
 ... when any
}

@locked exists@
identifier asks.fn;
identifier lock =~ "^(raw_)?spin_lock(_bh|_irq|_irqsave)?$|^(read|write)_lock(_bh|_irq|_irqsave)?$|^rcu_read_lock$|^local_(irq_disable|irq_save|bh_disable)$|^preempt_disable$";
identifier unlock =~ "^(raw_)?spin_unlock|^(read|write)_unlock|^rcu_read_unlock|^local_(irq_enable|irq_restore|bh_enable)$|^preempt_enable";
position p1, p2;
@@

 lock@p1(...)
 ... when != unlock(...)
 fn@p2(...)

@script:python depends on report@
p << asks.p;
fn << asks.fn;
p1 << locked.p1;
p2 << locked.p2;
@@

msg = "ERROR: function %s called on line %s inside lock on line %s but may sleep" % (fn, p2[0].line, p1[0].line)
coccilib.report.print_report(p[0], msg)

@own exists@
identifier fn;
identifier lock =~ "^(raw_)?spin_lock(_bh|_irq|_irqsave)?$|^(read|write)_lock(_bh|_irq|_irqsave)?$|^rcu_read_lock$|^local_(irq_disable|irq_save|bh_disable)$|^preempt_disable$";
identifier unlock =~ "^(raw_)?spin_unlock|^(read|write)_unlock|^rcu_read_unlock|^local_(irq_enable|irq_restore|bh_enable)$|^preempt_enable";
position p, p1;
@@

fn(...) {
 ... when any
 lock@p1(...)
 ... when != unlock(...)
(
 GFP_KERNEL@p
|
 GFP_KERNEL_ACCOUNT@p
|
 GFP_USER@p
|
 GFP_NOFS@p
|
 GFP_NOIO@p
|
 vfree@p(...)
|
 kvfree@p(...)
|
 iounmap@p(...)
|
 vunmap@p(...)
)
 ... when any
}

@script:python depends on report@
p << own.p;
fn << own.fn;
p1 << own.p1;
@@

msg = "ERROR: function %s called on line %s inside lock on line %s but may sleep" % (fn, p[0].line, p1[0].line)
coccilib.report.print_report(p[0], msg)
