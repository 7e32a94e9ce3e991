-- columns: id_cidadao bigint, nome text, nome_social text, dt_nascimento date, idade integer, sexo text, raca_cor text, cpf text, cns text, telefone text, ibge text, cnes text, unidade text, ine text, equipe text, micro_area text, dt_cadastro date, st_autorreferida boolean, st_diagnosticada boolean, dt_primeiro_diagnostico date, dt_ultimo_diagnostico date, codigos text, st_diabetes boolean, st_fumante boolean, st_avc boolean, st_infarto boolean, st_problema_rins boolean, st_acamado boolean, dt_ultima_consulta date, consultas_6_meses integer, consultas_12_meses integer, st_consulta_em_dia boolean, dt_ultima_pressao date, pressao_sistolica integer, pressao_diastolica integer, st_pressao_em_dia boolean, st_pressao_controlada boolean, peso numeric, altura numeric, imc numeric, dt_ultima_creatinina date, dt_ultimo_eletro date, visitas_12_meses integer, dt_ultima_visita date, dias_desde_consulta integer, dias_desde_pressao integer, dt_extracao timestamptz
-- key: id_cidadao
-- volatile: dias_desde_consulta, dias_desde_pressao, dt_extracao
-- Living citizens who say that they have high blood pressure, or in whom it was diagnosed.
select
    c.co_seq_fat_cidadao_pec as id_cidadao, c.no_cidadao as nome, c.no_social_cidadao as nome_social,
    nascimento.dt_registro as dt_nascimento,
    extract(year from age(hoje.dia, nascimento.dt_registro))::integer as idade,
    sexo.ds_sexo as sexo, cor.ds_raca_cor as raca_cor, c.nu_cpf_cidadao as cpf, c.nu_cns as cns,
    c.nu_telefone_celular as telefone, municipio.co_ibge as ibge, unidade.nu_cnes as cnes,
    unidade.no_unidade_saude as unidade, equipe.nu_ine as ine, equipe.no_equipe as equipe,
    cadastro.nu_micro_area as micro_area, cadastrado.dt_registro as dt_cadastro,
    coalesce(cadastro.st_hipertensao_arterial = 1, false) as st_autorreferida,
    problema.co_fat_cidadao_pec is not null as st_diagnosticada,
    problema.primeiro as dt_primeiro_diagnostico, problema.ultimo as dt_ultimo_diagnostico,
    problema.codigos, coalesce(cadastro.st_diabete = 1, false) as st_diabetes,
    coalesce(cadastro.st_fumante = 1, false) as st_fumante,
    coalesce(cadastro.st_avc = 1, false) as st_avc,
    coalesce(cadastro.st_infarto = 1, false) as st_infarto,
    coalesce(cadastro.st_problema_rins = 1, false) as st_problema_rins,
    coalesce(cadastro.st_acamado = 1, false) as st_acamado,
    consulta.ultima as dt_ultima_consulta, coalesce(consulta.em_6_meses, 0) as consultas_6_meses,
    coalesce(consulta.em_12_meses, 0) as consultas_12_meses,
    coalesce(consulta.em_6_meses, 0) > 0 as st_consulta_em_dia,
    pressao.dt_registro as dt_ultima_pressao, pressao.sistolica as pressao_sistolica,
    pressao.diastolica as pressao_diastolica,
    coalesce(pressao.dt_registro > hoje.dia - interval '6 months', false) as st_pressao_em_dia,
    pressao.sistolica < 140 and pressao.diastolica < 90 as st_pressao_controlada,
    corpo.peso, corpo.altura, round(corpo.peso / (corpo.altura * corpo.altura / 10000), 1) as imc,
    exame.creatinina as dt_ultima_creatinina, exame.eletro as dt_ultimo_eletro,
    coalesce(visita.em_12_meses, 0) as visitas_12_meses, visita.ultima as dt_ultima_visita,
    hoje.dia - consulta.ultima as dias_desde_consulta,
    hoje.dia - pressao.dt_registro as dias_desde_pressao,
    now() as dt_extracao
from tb_fat_cidadao_pec as c
-- The list says how things stood when PEC last processed, not at whatever hour it is read.
cross join (
    select max(dt_processamento)::date as dia from tb_relatorio_processamento
) as hoje
left join tb_dim_tempo as nascimento
    on nascimento.co_seq_dim_tempo = c.co_dim_tempo_nascimento
    and nascimento.co_seq_dim_tempo <> 30001231
left join tb_dim_sexo as sexo
    on sexo.co_seq_dim_sexo = c.co_dim_sexo and sexo.co_seq_dim_sexo <> 1
left join tb_dim_raca_cor as cor
    on cor.co_seq_dim_raca_cor = c.co_dim_raca_cor and cor.co_seq_dim_raca_cor <> 1
left join tb_dim_unidade_saude as unidade
    on unidade.co_seq_dim_unidade_saude = c.co_dim_unidade_saude_vinc
    and unidade.co_seq_dim_unidade_saude <> 1
left join tb_dim_equipe as equipe
    on equipe.co_seq_dim_equipe = c.co_dim_equipe_vinc and equipe.co_seq_dim_equipe <> 1
left join (
    select distinct on (co_fat_cidadao_pec) *
    from tb_fat_cad_individual
    order by co_fat_cidadao_pec, co_dim_tempo desc, co_seq_fat_cad_individual desc
) as cadastro on cadastro.co_fat_cidadao_pec = c.co_seq_fat_cidadao_pec
left join tb_dim_tempo as cadastrado
    on cadastrado.co_seq_dim_tempo = cadastro.co_dim_tempo
    and cadastrado.co_seq_dim_tempo <> 30001231
left join tb_dim_municipio as municipio
    on municipio.co_seq_dim_municipio = cadastro.co_dim_municipio
    and municipio.co_seq_dim_municipio <> 1
left join (
    select p.co_fat_cidadao_pec, min(t.dt_registro) as primeiro, max(t.dt_registro) as ultimo,
        string_agg(distinct coalesce(ciap.nu_ciap, cid.nu_cid), ' '
            order by coalesce(ciap.nu_ciap, cid.nu_cid)) as codigos
    from tb_fat_atd_ind_problemas as p
    join tb_dim_tempo as t on t.co_seq_dim_tempo = p.co_dim_tempo and t.co_seq_dim_tempo <> 30001231
    left join tb_dim_ciap as ciap
        on ciap.co_seq_dim_ciap = p.co_dim_ciap and ciap.nu_ciap in ('K86', 'K87')
    left join tb_dim_cid as cid
        on cid.co_seq_dim_cid = p.co_dim_cid and cid.nu_cid in ('I10', 'I11', 'I13', 'I15')
    where ciap.nu_ciap is not null or cid.nu_cid is not null
    group by p.co_fat_cidadao_pec
) as problema on problema.co_fat_cidadao_pec = c.co_seq_fat_cidadao_pec
left join (
    select a.co_fat_cidadao_pec, max(t.dt_registro) as ultima,
        count(*) filter (where t.dt_registro > h.dia - interval '6 months') as em_6_meses,
        count(*) filter (where t.dt_registro > h.dia - interval '12 months') as em_12_meses
    from tb_fat_atendimento_individual as a
    join tb_dim_tempo as t on t.co_seq_dim_tempo = a.co_dim_tempo
    cross join (
        select max(dt_processamento)::date as dia from tb_relatorio_processamento
    ) as h
    where a.co_dim_tempo <> 30001231
    group by a.co_fat_cidadao_pec
) as consulta on consulta.co_fat_cidadao_pec = c.co_seq_fat_cidadao_pec
left join (
    select distinct on (m.co_fat_cidadao_pec) m.co_fat_cidadao_pec, t.dt_registro, m.sistolica,
        m.diastolica
    from (
        select co_fat_cidadao_pec, co_dim_tempo, nu_pressao_sistolica as sistolica,
            nu_pressao_diastolica as diastolica
        from tb_fat_atendimento_individual
        union all
        select co_fat_cidadao_pec, co_dim_tempo, nu_pressao_sistolica, nu_pressao_diastolica
        from tb_fat_proced_atend
    ) as m
    join tb_dim_tempo as t on t.co_seq_dim_tempo = m.co_dim_tempo
    where m.sistolica is not null and m.co_dim_tempo <> 30001231
    order by m.co_fat_cidadao_pec, m.co_dim_tempo desc, m.sistolica desc, m.diastolica desc
) as pressao on pressao.co_fat_cidadao_pec = c.co_seq_fat_cidadao_pec
left join (
    select distinct on (co_fat_cidadao_pec) co_fat_cidadao_pec, nu_peso::numeric(6, 1) as peso,
        nu_altura::numeric(6, 1) as altura
    from tb_fat_atendimento_individual
    where nu_peso > 0 and nu_altura > 0
    order by co_fat_cidadao_pec, co_dim_tempo desc, co_seq_fat_atd_ind desc
) as corpo on corpo.co_fat_cidadao_pec = c.co_seq_fat_cidadao_pec
left join (
    select p.co_fat_cidadao_pec,
        max(t.dt_registro) filter (where d.co_proced = '0202010317') as creatinina,
        max(t.dt_registro) filter (where d.co_proced = '0211020036') as eletro
    from (
        select co_fat_cidadao_pec, co_dim_tempo, co_dim_procedimento_avaliado as procedimento,
            true as avaliado
        from tb_fat_atd_ind_procedimentos
        union all
        select co_fat_cidadao_pec, co_dim_tempo, co_dim_procedimento_solicitado, false
        from tb_fat_atd_ind_procedimentos
        union all
        select co_fat_cidadao_pec, co_dim_tempo, co_dim_procedimento, true
        from tb_fat_proced_atend_proced
    ) as p
    join tb_dim_procedimento as d on d.co_seq_dim_procedimento = p.procedimento
    join tb_dim_tempo as t on t.co_seq_dim_tempo = p.co_dim_tempo and t.co_seq_dim_tempo <> 30001231
    where d.co_proced in ('0202010317', '0211020036')
    group by p.co_fat_cidadao_pec
) as exame on exame.co_fat_cidadao_pec = c.co_seq_fat_cidadao_pec
left join (
    select v.co_fat_cidadao_pec, max(t.dt_registro) as ultima,
        count(*) filter (where t.dt_registro > h.dia - interval '12 months') as em_12_meses
    from tb_fat_visita_domiciliar as v
    join tb_dim_tempo as t on t.co_seq_dim_tempo = v.co_dim_tempo
    cross join (
        select max(dt_processamento)::date as dia from tb_relatorio_processamento
    ) as h
    where v.co_dim_tempo <> 30001231
    group by v.co_fat_cidadao_pec
) as visita on visita.co_fat_cidadao_pec = c.co_seq_fat_cidadao_pec
where c.st_faleceu = 0
and (cadastro.st_hipertensao_arterial = 1 or problema.co_fat_cidadao_pec is not null)
